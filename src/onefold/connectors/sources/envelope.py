"""An envelope: the object that an API's answer puts around its records, as `{"data": […], "has_more": false}`.

It is one where a single key holds a list of objects and every other key is a word of paging, counting or state. An order
with its `items` has keys of its own, so it is a record and stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from onefold.errors import UsageError

_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MARK = re.compile(r'"|[{}\[\],]')
_NEXT = re.compile(r"\s*,")
_PLAIN = re.compile(r"[^,}\]]*")
_LINE_END = re.compile(r"[^\n]+")
_STRING_CHARACTERS_MAX = 16 << 20
_BESIDE_PIECES_MAX, _BESIDE_CHARACTERS_MAX = 500, 2_000
_MORE = re.compile(
    r'"has_?more(?:_?items)?"\s*:\s*true|"done"\s*:\s*false'
    r'|"(?:@odata\.nextLink|next_?(?:page|cursor|link|url|records_?url)?(?:_?(?:token|url))?)"\s*:\s*(?:"[^"]+"|[1-9]|\{)',
    re.IGNORECASE,
)
_WORDS = frozenset(
    (
        "apiversion", "code", "context", "count", "countonly", "cursor", "data", "done", "error", "errors", "first",
        "generated", "hasmore", "hasmoreitems", "iserror", "kind", "last", "limit", "links", "listid", "message", "meta",
        "metadata", "next", "nextcursor", "nextlink", "nextpage", "nextpagetoken", "nextrecordsurl", "object", "offset",
        "ok", "page", "pagecount", "pageinfo", "pagenumber", "pages", "pagesize", "pagination", "paging", "perpage",
        "prev", "previous", "requestid", "self", "size", "status", "statuscode", "success", "timestamp", "total",
        "totalcount", "totalitems", "totalpages", "totalrecords", "totalresults", "totalsize", "url", "version", "warnings",
    )
)  # fmt: skip
"""Keys beside the records, without what spellings disagree on."""


def envelope(text: str) -> str:
    """The key under which a document that begins with an object holds its records; empty where it is no envelope.

    Args:
        text: The start of the document; it may be cut anywhere.
    """
    held = [key for key, kind in _top(text) if kind == "rows"]
    beside = [key for key, kind in _top(text) if kind != "rows"]
    if len(held) != 1:
        return ""
    words = ("".join(c for c in key.casefold() if c.isalnum()) for key in beside if key[:1] not in ("@", "_", "$"))
    return held[0] if _WORDS.issuperset(words) else ""


def _top(text: str) -> Iterator[tuple[str, str]]:
    """The keys of the first object with what each holds: `rows` (a list of objects) or something else."""
    at = text.find("{") + 1
    while found := _KEY.match(text, at):
        at = found.end()
        start = text[at : at + 1]
        if start == "[":
            yield found[1], "rows" if text[at + 1 : at + 200].lstrip()[:1] == "{" else "list"
        elif start:
            yield found[1], "value"
        ended = _after(text, at)
        following = _NEXT.match(text, ended)
        if following is None:
            return
        at = following.end()


def _after(text: str, at: int) -> int:
    """Where the value that begins at `at` ends; the end of the text where it is cut."""
    if text[at : at + 1] not in ("{", "["):
        string = _STRING.match(text, at)
        plain = string or _PLAIN.match(text, at)
        return plain.end() if plain else len(text)
    depth = 0
    while mark := _MARK.search(text, at):
        at = mark.end()
        if mark[0] == '"':
            string = _STRING.match(text, mark.start())
            if string is None:
                return len(text)
            at = string.end()
        elif mark[0] in "{[":
            depth += 1
        elif mark[0] in "}]":
            depth -= 1
            if not depth:
                return at
    return len(text)


def has_more(beside: str) -> bool:
    """Whether what stands beside the records says that they are one page of several."""
    return _MORE.search(beside) is not None


def opened(chunks: Iterable[str], key: str, name: str, beside: list[str] | None = None) -> Iterator[str]:
    """The lists that objects of a document hold under `key`; of all else only the line ends, so that lines stay numbered.

    Args:
        chunks: The document's text, in pieces of any size.
        key: The key, as it is written.
        name: The file's name, for messages.
        beside: Gets what the last object holds beside its list, the start of it.

    Raises:
        UsageError: A text in it does not end.
    """
    depth, inside, stated = 0, False, ""
    around: list[str] = [] if beside is None else beside
    text = ""
    for chunk in chunks:
        text += chunk
        kept: list[str] = []
        at = 0
        while mark := _MARK.search(text, at):
            end = mark.end()
            if mark[0] == '"':
                string = _STRING.match(text, mark.start())
                if string is None:
                    if len(text) - mark.start() > _STRING_CHARACTERS_MAX:
                        raise UsageError(f"{name}: a quotation mark in the JSON is not closed.")
                    break
                end = string.end()
                stated = string[0][1:-1] if depth == 1 else stated
            elif mark[0] in "{[":
                if mark[0] == "[" and depth == 1 and stated == key:
                    kept.append(_LINE_END.sub("", text[at : mark.start()]))
                    at, inside = mark.start(), True
                elif depth == 0:
                    around.clear()
                depth += 1
            elif mark[0] in "}]":
                depth -= 1
            elif depth == 1:
                stated = ""
            if inside:
                kept.append(text[at:end])
                inside = depth > 1
            else:
                kept.append(_LINE_END.sub("", text[at:end]))
                if len(around) < _BESIDE_PIECES_MAX:
                    around.append(text[at:end][:_BESIDE_CHARACTERS_MAX])
            at = end
        # What no mark ends may be the start of a text, and waits; the rest is given at once, for lists of numbers are long.
        cut = mark.start() if mark else len(text)
        kept.append(text[at:cut] if inside else _LINE_END.sub("", text[at:cut]))
        yield "".join(kept)
        text = text[cut:]
    if text:
        yield text if inside else ""
