# Answers what portage thinks of each line of its standard input, one JSON value per line.
import json
import sys

from portage.dep import Atom, match_from_list, use_reduce
from portage.exception import InvalidAtom, InvalidData, InvalidDependString
from portage.package.ebuild._config.KeywordsManager import KeywordsManager
from portage.package.ebuild._config.LicenseManager import LicenseManager
from portage.versions import _pkg_str, vercmp


def version_order(pair):
    """-1, 0 or 1; null if one is no version."""
    order = vercmp(*pair)
    return None if order is None else (order > 0) - (order < 0)


def atom_parts(text):
    """What an atom is made of; null if it is none."""
    try:
        atom = Atom(text, allow_repo=True, allow_build_id=False, eapi="8" if "::" not in text else None)
    except InvalidAtom:
        return None
    return [
        ("!!" if atom.blocker.overlap.forbid else "!") if atom.blocker else "",
        atom.cp,
        atom.operator or "",
        atom.version or "",
        atom.slot or "",
        atom.sub_slot or "",
        atom.slot_operator or "",
        atom.repo or "",
        list(atom.use.tokens) if atom.use else [],
    ]


class Iuse:
    def __init__(self, known):
        self.known = known

    def is_valid_flag(self, flags):
        return all(flag in self.known for flag in ([flags] if isinstance(flags, str) else flags))


class Use:
    def __init__(self, enabled):
        self.enabled = frozenset(enabled)


class Package:
    """What match_from_list looks at."""

    def __init__(self, cpv, slot, known, enabled):
        self.cpv = _pkg_str(cpv, slot=slot)
        self.cp, self.version, self.cpv_split = self.cpv.cp, self.cpv.version, self.cpv.cpv_split
        self.slot, self.sub_slot = self.cpv.slot, self.cpv.sub_slot
        self.iuse, self.use = Iuse(known), Use(enabled)


def matches(question):
    """Whether a package is what an atom asks for."""
    text, cpv, slot, known, enabled = question
    return bool(match_from_list(Atom(text), [Package(cpv, slot, known, enabled)]))


def expression(question):
    """The atoms and `||` of a dependency for a build with these flags; null if it is malformed."""
    text, enabled = question
    try:
        flat = use_reduce(text, uselist=enabled, eapi="8", token_class=Atom, flat=True)
        return [str(token) for token in flat]
    except (InvalidDependString, InvalidAtom, InvalidData):
        return None


def keywords(question):
    """Whether keywords of a package are accepted."""
    text, accepted = question
    words = [word for word in text.split() if word != "-*"]
    return not KeywordsManager._getMissingKeywords(None, set(accepted), words)


def licenses(question):
    """Whether the licenses of a build with these flags are accepted."""
    text, enabled, accepted = question
    every = set(use_reduce(text, matchall=True, flat=True)) if "*" in accepted else set()
    struct = use_reduce(text, uselist=enabled, opconvert=True)
    manager = LicenseManager.__new__(LicenseManager)
    return not manager._getMaskedLicenses(struct, every | set(accepted))


kinds = {
    "keywords": keywords,
    "licenses": licenses,
    "versions": version_order,
    "atoms": atom_parts,
    "matches": matches,
    "expressions": expression,
}
answer = kinds[sys.argv[1]]
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
