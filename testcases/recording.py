"""How Judgements become Results: some at a time, so that a small case doesn't cost a transaction of its own."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog.conformance import PartFile
from catalog.writing import store_parts
from config.inserting import insert
from config.storable import storable_json
from processes.models import Implementation
from testcases.judging import Judgement
from testcases.models import ActualPart, Pin, Result, ResultOutput, Run, TestCase
from testcases.trials import BoundTable, fingerprint

RESULTS_WRITTEN = 50
WRITE_INTERVAL_SECONDS = 0.5

Progress = Callable[[int, int, Result], None]
Fence = Callable[[], AbstractContextManager[object]]


class RunEndedError(Exception):
    """The Run has ended, or is gone: nothing may be stored or stopped."""


@dataclass(frozen=True)
class Judged:
    """A case with the implementation that was named for it, if there is one, and the tables by id of the port."""

    case: TestCase
    implementation_name: str
    implementation: Implementation | None
    tables: Mapping[str, BoundTable]


@dataclass(frozen=True)
class _Entry:
    """A Result on its way to the database, with what belongs to it."""

    result: Result
    judgement: Judgement
    pins: list[Pin]


class Recorder:
    """Stores Results with their outputs, and the counts of their Run, in one transaction inside the fence."""

    def __init__(
        self, run: Run, configuration_digest: str, done: int, fenced: Fence, progress: Progress | None
    ) -> None:
        self.run = run
        self.configuration_digest = configuration_digest
        self.done = done
        self.fenced = fenced
        self.progress = progress
        self.entries: list[_Entry] = []
        self.written_at = time.monotonic()

    def add(self, judged: Judged, judgement: Judgement) -> None:
        """Take a Judgement; those that have gathered are written when it is time."""
        case, implementation = judged.case, judged.implementation
        result = Result(
            run=self.run,
            test_case=case,
            implementation=implementation,
            implementation_name=judged.implementation_name,
            implementation_digest=implementation.digest if implementation else "",
            configuration_digest=self.configuration_digest,
            fingerprint=fingerprint(case, implementation, judged.tables, self.configuration_digest),
            comparison=case.comparison,
            verdict=judgement.verdict,
            reason=judgement.reason,
            message=storable_json(judgement.message),
            errors=storable_json(judgement.errors),
            timings_ms=dict(judgement.timings_ms),
        )
        ports = {port.pk: port for port in case.function.ports.all()}
        pins = [
            Pin(
                result=result,
                direction=ports[port_id].direction,
                port_name=ports[port_id].name,
                table_version_id=bound.version_id,
            )
            for port_id, bound in judged.tables.items()
        ]
        self.entries.append(_Entry(result, judgement, pins))
        late = time.monotonic() - self.written_at > WRITE_INTERVAL_SECONDS
        if late or len(self.entries) >= RESULTS_WRITTEN:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered, then say so."""
        entries, self.entries = self.entries, []
        if entries:
            with self.fenced(), transaction.atomic():
                self._write(entries)
        for entry in entries:
            for output in entry.judgement.outputs:
                for part in output.conformed.parts:
                    part.path.unlink(missing_ok=True)
            self.done += 1
            if self.progress:
                self.progress(self.done, self.run.total, entry.result)
        self.written_at = time.monotonic()

    def _write(self, entries: Sequence[_Entry]) -> None:
        """What belongs to Results first, which the databases allow within a transaction: then its time is known.

        Before all, the Run's row is locked and asked whether it still runs.
        """
        counts = Counter(str(entry.result.verdict) for entry in entries)
        this = Run.objects.filter(pk=self.run.pk, state=Run.State.RUNNING)
        added = {name: F(name) + number for name, number in counts.items()}
        if not this.update(**added, heard_at=timezone.now()):
            raise RunEndedError
        started = time.perf_counter()
        _write_outputs(entries)
        insert([pin for entry in entries for pin in entry.pins])
        share = round((time.perf_counter() - started) * 1000 / len(entries), 3)
        for entry in entries:
            if entry.result.timings_ms:
                entry.result.timings_ms["store"] = share
        insert([entry.result for entry in entries])
        for name, number in counts.items():
            setattr(self.run, name, getattr(self.run, name) + number)


def _write_outputs(entries: Sequence[_Entry]) -> None:
    outputs: list[ResultOutput] = []
    parts: dict[str, PartFile] = {}
    places: list[ActualPart] = []
    for entry in entries:
        for judged in entry.judgement.outputs:
            output = ResultOutput(
                result=entry.result,
                port_name=judged.port_name,
                row_count=judged.conformed.row_count,
                diff=storable_json(judged.diff.as_dict()) if judged.diff else None,
            )
            outputs.append(output)
            parts |= {part.digest: part for part in judged.conformed.parts}
            places += [
                ActualPart(output=output, part_id=part.digest, position=position)
                for position, part in enumerate(judged.conformed.parts)
            ]
    store_parts(parts.values())
    insert(outputs)
    insert(places)
