"""Boards and games."""

import math
import random
from collections import deque
from collections.abc import Iterable
from typing import Any

FRAMES = 10


def bowling__score(previousRolls: list[int]) -> int:  # noqa: N803 (theirs)
    """The score of a finished game."""
    rolls = _checked_rolls(previousRolls)
    total = place = 0
    for _ in range(FRAMES):
        length = 3 if rolls[place : place + 1] == [10] or sum(rolls[place : place + 2]) == 10 else 2
        frame = rolls[place : place + length]
        if len(frame) < length:
            raise ValueError("Score cannot be taken until the end of the game")
        total += sum(frame)
        place += 1 if frame[0] == 10 else 2
    return total


def bowling__roll(previousRolls: list[int], roll: int) -> None:  # noqa: N803 (theirs)
    """Whether one more roll is possible."""
    _checked_rolls([*previousRolls, roll])


def _checked_rolls(rolls: list[int]) -> list[int]:
    frame, standing, left, extra = 1, 10, 2, 0
    for roll in rolls:
        if frame > FRAMES and not extra:
            raise ValueError("Cannot roll after game is over")
        if roll < 0:
            raise ValueError("Negative roll is invalid")
        if roll > standing:
            raise ValueError("Pin count exceeds pins on the lane")
        standing, left = standing - roll, left - 1
        if frame > FRAMES:
            extra -= 1
            standing = standing or 10
            continue
        if frame == FRAMES and not standing:
            extra = 2 if left else 1
        if not standing or not left:
            frame, standing, left = frame + 1, 10, 2
    return rolls


def connect__winner(board: list[str]) -> str:
    """Who has joined two sides of the board: O top and bottom, X left and right."""
    cells = {(row, column): cell for row, line in enumerate(board) for column, cell in enumerate(line.split())}
    height, width = max(row for row, _ in cells) + 1, max(column for _, column in cells) + 1
    for player, axis, end in (("O", 0, height - 1), ("X", 1, width - 1)):
        reached = {place for place, cell in cells.items() if cell == player and place[axis] == 0}
        waiting = deque(reached)
        while waiting:
            row, column = waiting.popleft()
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, -1), (-1, 1)):
                place = row + down, column + right
                if cells.get(place) == player and place not in reached:
                    reached.add(place)
                    waiting.append(place)
        if any(place[axis] == end for place in reached):
            return player
    return ""


def dnd_character__modifier(score: int) -> int:
    """The modifier of an ability."""
    return (score - 10) // 2


def dnd_character__ability() -> int:
    """The best three of four dice."""
    return sum(sorted(random.choices(range(1, 7), k=4))[1:])  # noqa: S311 (dice)


def prism__find_sequence(start: dict[str, float], prisms: list[dict[str, float]]) -> dict[str, list[float]]:
    """The prisms that a ray hits, each of which turns it by its angle."""
    x, y, angle = float(start["x"]), float(start["y"]), float(start["angle"])
    sequence: list[float] = []
    while True:
        right, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        hits = []
        for prism in prisms:
            ahead = (prism["x"] - x) * right + (prism["y"] - y) * up
            aside = (prism["y"] - y) * right - (prism["x"] - x) * up
            if ahead > 1e-6 and abs(aside) <= 1e-3 * max(1.0, ahead):
                hits.append((ahead, prism["id"], prism))
        if not hits:
            return {"sequence": sequence}
        _, identity, prism = min(hits, key=lambda hit: hit[0])
        sequence.append(identity)
        x, y, angle = float(prism["x"]), float(prism["y"]), angle + float(prism["angle"])


def queen_attack__create(queen: dict[str, dict[str, int]]) -> int:
    """0 where a queen may stand."""
    for name in ("row", "column"):
        if queen["position"][name] < 0:
            raise ValueError(f"{name} not positive")
        if queen["position"][name] > 7:
            raise ValueError(f"{name} not on board")
    return 0


def queen_attack__can_attack(white_queen: dict[str, dict[str, int]], black_queen: dict[str, dict[str, int]]) -> bool:
    """Whether they share a row, a column or a diagonal."""
    rows = abs(white_queen["position"]["row"] - black_queen["position"]["row"])
    columns = abs(white_queen["position"]["column"] - black_queen["position"]["column"])
    return rows == 0 or columns == 0 or rows == columns


def relative_distance__degree_of_separation(
    familyTree: dict[str, list[str]],  # noqa: N803 (theirs)
    personA: str,  # noqa: N803
    personB: str,  # noqa: N803
) -> int | None:
    """The fewest steps between parents, children and siblings that lead from one to the other."""
    near: dict[str, set[str]] = {}
    for parent, children in familyTree.items():
        for child in children:
            near.setdefault(parent, set()).add(child)
            near.setdefault(child, set()).update({parent, *children} - {child})
    distance = {personA: 0}
    waiting = deque([personA])
    while waiting:
        person = waiting.popleft()
        for other in near.get(person, set()) - distance.keys():
            distance[other] = distance[person] + 1
            waiting.append(other)
    return distance.get(personB)


def state_of_tic_tac_toe__gamestate(board: list[str]) -> str:
    """win, draw or ongoing; refuses a board that no game leads to."""
    cells = "".join(board)
    crosses, noughts = cells.count("X"), cells.count("O")
    if crosses > noughts + 1:
        raise ValueError("Wrong turn order: X went twice")
    if noughts > crosses:
        raise ValueError("Wrong turn order: O started")
    lines = [*board, *map("".join, zip(*board, strict=True)), cells[::4], cells[2:7:2]]
    crosses_won, noughts_won = "XXX" in lines, "OOO" in lines
    if (crosses_won and noughts_won) or (crosses_won and crosses == noughts) or (noughts_won and crosses > noughts):
        raise ValueError("Impossible board: game should have ended after the game was won")
    return "win" if crosses_won or noughts_won else "ongoing" if " " in cells else "draw"


def rest_api__get(database: dict[str, Any], url: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """The users, or those who are named."""
    wanted = payload["users"] if payload else [user["name"] for user in database["users"]]
    return {"users": _by_name(user for user in database["users"] if user["name"] in wanted)}


def _by_name(users: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(users, key=lambda user: str(user["name"]))


def rest_api__post(database: dict[str, Any], url: str, payload: dict[str, Any]) -> dict[str, Any]:
    """A new user, or the two that an IOU concerns."""
    if url == "/add":
        return {"name": payload["user"], "owes": {}, "owed_by": {}, "balance": 0.0}
    users = {user["name"]: user for user in database["users"]}
    lender, borrower, amount = users[payload["lender"]], users[payload["borrower"]], payload["amount"]
    debt = borrower["owes"].pop(lender["name"], 0) - lender["owes"].pop(borrower["name"], 0) + amount
    lender["owed_by"].pop(borrower["name"], None)
    borrower["owed_by"].pop(lender["name"], None)
    if debt:
        creditor, debtor = (lender, borrower) if debt > 0 else (borrower, lender)
        creditor["owed_by"][debtor["name"]] = debtor["owes"][creditor["name"]] = abs(debt)
    for user in (lender, borrower):
        user["balance"] = float(sum(user["owed_by"].values()) - sum(user["owes"].values()))
    return {"users": _by_name((lender, borrower))}


def circular_buffer__run(capacity: int, operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Nothing, where each operation gives what it says."""
    buffer: deque[Any] = deque()
    for operation in operations:
        kind, is_full = operation["operation"], len(buffer) == capacity
        if kind == "clear":
            buffer.clear()
        elif kind == "read":
            _expect(operation["should_succeed"], bool(buffer))
            if buffer:
                _expect(operation["expected"], buffer.popleft())
        else:
            if kind == "write":
                _expect(operation["should_succeed"], not is_full)
            elif is_full:
                buffer.popleft()
            if len(buffer) < capacity:
                buffer.append(operation["item"])
    return {}


def simple_linked_list__list(initialValues: list[int], operations: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
    """Nothing, where each operation gives what it says."""
    values = [*initialValues]
    for operation in operations:
        kind = operation["operation"]
        if kind == "push":
            values.append(operation["value"])
        elif kind == "reverse":
            values.reverse()
        elif kind == "count":
            _expect(operation["expected"], len(values))
        elif kind == "toList":
            _expect(operation["expected"], values[::-1])
        elif not values:
            _expect(operation["expected"], {"error": "list is empty"})
        else:
            _expect(operation["expected"], values.pop() if kind == "pop" else values[-1])
    return {}


def _expect(expected: Any, actual: Any) -> None:
    if expected != actual:
        raise ValueError(f"expected {expected!r}, got {actual!r}")


_COMPUTED = {
    "inputs[0] + 1": lambda inputs: inputs[0] + 1,
    "inputs[0] - 1": lambda inputs: inputs[0] - 1,
    "inputs[0] * 2": lambda inputs: inputs[0] * 2,
    "inputs[0] * 30": lambda inputs: inputs[0] * 30,
    "inputs[0] + inputs[1] * 10": lambda inputs: inputs[0] + inputs[1] * 10,
    "inputs[0] + inputs[1]": lambda inputs: inputs[0] + inputs[1],
    "inputs[0] - inputs[1]": lambda inputs: inputs[0] - inputs[1],
    "inputs[0] * inputs[1]": lambda inputs: inputs[0] * inputs[1],
    "if inputs[0] < 3 then 111 else 222": lambda inputs: 111 if inputs[0] < 3 else 222,
}


def react__react(cells: list[dict[str, Any]], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Nothing, where the cells compute and call back what the operations say."""
    given = {cell["name"]: cell["initial_value"] for cell in cells if cell["type"] == "input"}
    callbacks: dict[str, str] = {}

    def values() -> dict[str, int]:
        found = dict(given)
        for cell in cells:  # a cell stands after those that it depends on
            if cell["type"] == "compute":
                found[cell["name"]] = _COMPUTED[cell["compute_function"]]([found[name] for name in cell["inputs"]])
        return found

    for operation in operations:
        kind = operation["type"]
        if kind == "expect_cell_value":
            _expect(operation["value"], values()[operation["cell"]])
        elif kind == "add_callback":
            callbacks[operation["name"]] = operation["cell"]
        elif kind == "remove_callback":
            callbacks.pop(operation["name"], None)
        else:
            before = values()
            given[operation["cell"]] = operation["value"]
            after = values()
            called = {name: after[cell] for name, cell in callbacks.items() if before[cell] != after[cell]}
            _expect(operation.get("expect_callbacks", {}), called)
    return {}
