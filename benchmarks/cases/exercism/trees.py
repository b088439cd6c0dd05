"""Trees."""

import re
from collections.abc import Iterator
from typing import Any

Tree = dict[str, Any]


def binary_search_tree__data(treeData: list[str]) -> Tree | None:  # noqa: N803 (theirs)
    """The tree to which the values were added one by one."""
    tree: Tree | None = None
    for value in treeData:
        tree = _inserted(tree, value)
    return tree


def _inserted(tree: Tree | None, value: str) -> Tree:
    if tree is None:
        return {"data": value, "left": None, "right": None}
    side = "left" if value <= tree["data"] else "right"
    return {**tree, side: _inserted(tree[side], value)}


def binary_search_tree__sorted_data(treeData: list[str]) -> list[str]:  # noqa: N803 (theirs)
    """The tree's values in order."""

    def values(tree: Tree | None) -> Iterator[str]:
        if tree:
            yield from values(tree["left"])
            yield tree["data"]
            yield from values(tree["right"])

    return [*values(binary_search_tree__data(treeData))]


def _way(tree: Tree, label: str) -> list[Tree]:
    """The nodes from the root to the label; none if it is not there."""
    if tree["label"] == label:
        return [tree]
    for child in tree.get("children", []):
        if way := _way(child, label):
            return [tree, *way]
    return []


def _node(label: str, children: list[Tree]) -> Tree:
    return {"label": label, "children": children} if children else {"label": label}


def pov__from_pov(tree: Tree, **names: str) -> Tree | None:
    """The tree as seen from another node."""
    way = _way(tree, names["from"])
    if not way:
        return None
    above: list[Tree] = []
    for node, below in zip(way, [*way[1:], None], strict=True):
        children = [child for child in node.get("children", []) if child is not below]
        above = [_node(node["label"], [*children, *above])]
    return above[0]


def pov__path_to(tree: Tree, to: str, **names: str) -> list[str] | None:
    """The labels from one node to another."""
    start, end = _way(tree, names["from"]), _way(tree, to)
    if not start or not end:
        return None
    shared = sum(1 for one, other in zip(start, end, strict=False) if one is other)
    return [node["label"] for node in [*start[: shared - 1 : -1], start[shared - 1], *end[shared:]]]


def satellite__tree_from_traversals(preorder: list[str], inorder: list[str]) -> Tree:
    """The tree that has both traversals."""
    if len(preorder) != len(inorder):
        raise ValueError("traversals must have the same length")
    if {*preorder} != {*inorder}:
        raise ValueError("traversals must have the same elements")
    if len({*preorder}) != len(preorder):
        raise ValueError("traversals must contain unique items")
    if not preorder:
        return {}
    root, place = preorder[0], inorder.index(preorder[0])
    return {
        "v": root,
        "l": satellite__tree_from_traversals(preorder[1 : place + 1], inorder[:place]),
        "r": satellite__tree_from_traversals(preorder[place + 1 :], inorder[place + 1 :]),
    }


_TOKEN = re.compile(r"\[((?:\\.|[^\]\\])*)\]|([A-Za-z]+)|([();])", re.DOTALL)


def sgf_parsing__parse(encoded: str) -> Tree:
    """The tree of a game in Smart Game Format."""
    if not encoded.startswith("("):
        raise ValueError("tree missing")
    tree, _ = _game(_tokens(encoded), 1)
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    kinds = ("value", "name", "mark")
    return [
        next((kind, group) for kind, group in zip(kinds, found.groups(), strict=True) if group is not None)
        for found in _TOKEN.finditer(text)
    ]


def _game(tokens: list[tuple[str, str]], place: int) -> tuple[Tree, int]:
    """The tree from after its opening parenthesis; the place after its end."""
    if tokens[place] != ("mark", ";"):
        raise ValueError("tree with no nodes")
    node, place = _properties(tokens, place + 1)
    while tokens[place] != ("mark", ")"):
        if tokens[place] == ("mark", ";"):
            child, place = _game(tokens, place)
            node["children"].append(child)
            return node, place
        child, place = _game(tokens, place + 1)
        node["children"].append(child)
    return node, place + 1


def _properties(tokens: list[tuple[str, str]], place: int) -> tuple[Tree, int]:
    properties: dict[str, list[str]] = {}
    while tokens[place][0] == "name":
        name = tokens[place][1]
        if tokens[place + 1][0] != "value":
            raise ValueError("properties without delimiter")
        if not name.isupper():
            raise ValueError("property must be in uppercase")
        place += 1
        values = properties.setdefault(name, [])
        while tokens[place][0] == "value":
            values.append(_unescaped(tokens[place][1]))
            place += 1
    return {"properties": properties, "children": []}, place


def _unescaped(value: str) -> str:
    """A newline after a backslash goes, other white space becomes a blank, other characters stand for themselves."""
    return re.sub(r"\\(?:\n|(.))|([\t\v\f\r])", _plain, value, flags=re.DOTALL)


def _plain(found: re.Match[str]) -> str:
    kept = found[1] or ("" if found[2] is None else " ")
    return " " if kept in "\t\v\f\r" and kept else kept


def tree_building__build_tree(records: list[dict[str, int]]) -> Tree:
    """The tree of the records, checked."""
    if not records:
        return {}
    ordered = sorted(records, key=lambda record: record["recordId"])
    if [record["recordId"] for record in ordered] != [*range(len(records))]:
        raise ValueError("record id is invalid or out of order")
    children: dict[int, list[int]] = {}
    for record in ordered:
        own, parent = record["recordId"], record["parentId"]
        if own == 0 and parent != 0:
            raise ValueError("node parent_id should be smaller than its record_id")
        if own and parent >= own:
            raise ValueError("record id is invalid or out of order")
        if own:
            children.setdefault(parent, []).append(own)
    if all(parent == 0 for parent in children):  # the cases write a flat tree's leaves as they were given
        leaves = [{"recordId": own, "parentId": 0} for own in children.get(0, [])]
        return {"node": {"id": 0, "children": leaves}}

    def below(own: int) -> list[Tree]:
        return [
            {"recordId": child, **({"children": below(child)} if child in children else {})}
            for child in children.get(own, [])
        ]

    return {"node": {"id": 0, "children": below(0)}}


def zipper__expected_value(initialTree: Tree, operations: list[dict[str, Any]]) -> Tree:  # noqa: N803 (theirs)
    """What the last operation gives, and of which type."""
    return _zip(initialTree, operations)


def zipper__same_result_from_operations(initialTree: Tree, operations: list[dict[str, Any]]) -> Tree:  # noqa: N803
    """The same zipper, reached in the fewest steps."""
    way: list[str] = []
    for operation in operations:
        if operation["operation"] == "up":
            way.pop()
        else:
            way.append(operation["operation"])
    return {"type": "zipper", "initialTree": initialTree, "operations": [{"operation": step} for step in way]}


def _zip(tree: Tree, operations: list[dict[str, Any]]) -> Tree:
    way = [tree]
    for operation in operations:
        kind, focus = operation["operation"], way[-1]
        if kind == "to_tree":
            return {"type": "tree", "value": tree}
        if kind == "value":
            return {"type": "int", "value": focus["value"]}
        if kind == "up":
            way.pop()
        elif kind in {"left", "right"}:
            way.append(focus[kind])
        else:
            focus[kind.removeprefix("set_")] = operation["item"]
        if not way or way[-1] is None:
            return {"type": "zipper", "value": None}
    return {"type": "zipper", "value": way[-1]}
