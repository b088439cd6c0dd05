"""Run, the execution of test cases, and its Results: verdict, diff, pins and the actual output."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.utils import timezone

from catalog.models import Application, Configuration, Part, TableVersion
from config.models import ExactJSONField, Immutable, ULIDField
from jobs.models import Job
from processes.models import Direction, Implementation
from testcases.models.cases import TestCase
from testcases.querysets import ResultQuerySet, RunQuerySet

SILENCE: Final = timedelta(minutes=5)  # of the process that executes a Run, which writes as each case is judged


class Verdict(models.TextChoices):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


class Reason(models.TextChoices):
    """Why a verdict is not `passed` (comparison.md, Verdicts)."""

    NONE = "", "none"
    MISMATCH = "mismatch"
    INVALID_OUTPUT = "invalid_output"
    INVALID_INPUT = "invalid_input"
    INVALID_EXPECTED = "invalid_expected"
    EXECUTION_ERROR = "execution_error"
    TIMEOUT = "timeout"
    EXPECTED_ERROR_NOT_RAISED = "expected_error_not_raised"
    UNEXPECTED_ERROR = "unexpected_error"
    PORT_MISSING = "port_missing"
    CANCELLED = "cancelled"
    DISABLED = "disabled"
    NO_IMPLEMENTATION = "no_implementation"


class Run(models.Model):
    """An execution of test cases. The counts are of its Results, of which there will be `total`.

    `selection`: what was asked for, `test_cases` (ids, in order), `plan` (id of a function -> names of implementations)
    and `configuration` (its name and its digest). `job` executes it; without one, the process that was asked for it
    does. `heard_at`: when that last wrote.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        CANCELLED = "cancelled"

    id = ULIDField()
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="runs")
    selection = models.JSONField(default=dict, blank=True)
    configuration = models.ForeignKey(
        Configuration, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )
    job = models.OneToOneField(
        Job, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="run"
    )
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True, default="")
    total = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running", "finished", "cancelled"]), name="run_state_known"
            ),
            models.CheckConstraint(condition=models.Q(verdict__in=["", *Verdict.values]), name="run_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.application.name}"

    @property
    def counts(self) -> dict[str, int]:
        """Results by verdict."""
        return {verdict: getattr(self, verdict) for verdict in Verdict.values}

    @property
    def done(self) -> int:
        """How many Results there are."""
        return sum(self.counts.values())

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in {self.State.FINISHED, self.State.CANCELLED}

    @property
    def is_cancelling(self) -> bool:
        """Whether it still runs, and was asked to stop."""
        return not self.has_ended and self.job is not None and self.job.is_cancelling

    @property
    def is_silent(self) -> bool:
        """Whether the process that executes it may have died: a Run without a Job is not taken up by another."""
        if self.has_ended or self.job_id:
            return False
        return timezone.now() - (self.heard_at or self.started_at or self.created_at) > SILENCE


class Result(Immutable):
    """The verdict of one test case with one implementation in one Run. Never changes.

    `pins` names the exact TableVersions that were seen; `implementation_digest` the exact implementation,
    `configuration_digest` the configuration, `comparison` the options by which the case was judged; `fingerprint` is a
    digest of all these and of what the test case itself said: Results of one fingerprint saw the same. Where `errors`
    has rows, they are row errors as in attributes.md, of the output named there.
    """

    id = ULIDField()
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    test_case = models.ForeignKey(TestCase, on_delete=models.CASCADE, related_name="results")
    implementation = models.ForeignKey(
        Implementation, on_delete=models.SET_NULL, null=True, blank=True, related_name="results"
    )
    implementation_name = models.CharField(max_length=256, blank=True, default="")
    implementation_digest = models.CharField(max_length=64, blank=True, default="")
    configuration_digest = models.CharField(max_length=64, blank=True, default="")
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    comparison = models.JSONField(default=dict, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict)
    reason = models.CharField(max_length=32, choices=Reason, blank=True, default="")
    message = models.TextField(blank=True, default="")
    errors = ExactJSONField(default=list, blank=True)
    timings_ms = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ResultQuerySet.as_manager()

    class Meta:
        ordering = ["run", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(verdict__in=Verdict.values), name="result_verdict_known"),
            models.CheckConstraint(condition=models.Q(reason__in=Reason.values), name="result_reason_known"),
            models.UniqueConstraint(fields=["run", "test_case", "implementation_name"], name="result_unique_in_run"),
        ]
        indexes = [
            models.Index(fields=["test_case", "-id"], name="result_history"),
            models.Index(fields=["fingerprint", "verdict"], name="result_same_sight"),
        ]

    def __str__(self) -> str:
        return f"{self.test_case.name}: {self.verdict}"

    @property
    def is_stale(self) -> bool:
        """Whether what it pinned has changed since: a table, the options of the comparison, the configuration or the
        implementation; served from `with_staleness`, or from a prefetch of `pins`."""
        outdated = self.__dict__.get("is_outdated")
        if outdated is None:
            outdated = any(pin.table_version.number != pin.table_version.table.version for pin in self.pins.all())
        if outdated or self.comparison != self.test_case.comparison:
            return True
        used = self.run.configuration
        if self.configuration_digest and (used is None or used.digest != self.configuration_digest):
            return True
        if not self.implementation_digest:
            return False
        return self.implementation is None or self.implementation.digest != self.implementation_digest

    @property
    def is_flaky(self) -> bool:
        """Whether another Result that saw the same has another verdict; served from `with_flakiness`, else a query."""
        known = self.__dict__.get("has_other_verdict")
        if known is not None:
            return bool(known)
        return Result.objects.with_flakiness().filter(pk=self.pk).flaky().exists()


class Pin(models.Model):
    """The TableVersion that stood on a port when a Result was made."""

    result = models.ForeignKey(Result, on_delete=models.CASCADE, related_name="pins")
    direction = models.CharField(max_length=8, choices=Direction)
    port_name = models.CharField(max_length=256)
    table_version = models.ForeignKey(TableVersion, on_delete=models.PROTECT, related_name="pins")

    class Meta:
        ordering = ["result", "direction", "id"]
        constraints = [
            models.UniqueConstraint(fields=["result", "direction", "port_name"], name="pin_port_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.port_name} = {self.table_version}"


class ResultOutput(Immutable):
    """What came out of one output port: the actual rows as Parts, and how they differ from the expected ones.

    `diff` is the TableDiff as in rest-api.md, or None where nothing was expected.
    """

    id = ULIDField()
    result = models.ForeignKey(Result, on_delete=models.CASCADE, related_name="outputs")
    port_name = models.CharField(max_length=256)
    row_count = models.PositiveBigIntegerField()
    diff = ExactJSONField()
    parts = models.ManyToManyField(Part, through="ActualPart", related_name="result_outputs")

    class Meta:
        ordering = ["result", "id"]
        constraints = [models.UniqueConstraint(fields=["result", "port_name"], name="result_output_port_unique")]

    def __str__(self) -> str:
        return f"{self.port_name} ({self.row_count} rows)"


class ActualPart(Immutable):
    """The place of a Part in an actual output."""

    output = models.ForeignKey(ResultOutput, on_delete=models.CASCADE, related_name="actual_parts")
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["output", "position"]
        constraints = [models.UniqueConstraint(fields=["output", "position"], name="actual_part_position_unique")]
