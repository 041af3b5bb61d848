"""What the columns of a file are likely to mean, by their names."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from .errors import FileRefused
from .records import Format, Record
from .sniffing import is_address
from .targets import Catalogue, Field, Target

NAMES: dict[Field, str] = {
    Field.EMAIL: """email mail emailaddress mailaddress emailadresse mailadresse email1value
        adresseemail adressemail courriel correo correoelectronico indirizzoemail""",
    Field.FIRST_NAME: """firstname first givenname forename fname vorname prenom nombre nome
        voornaam""",
    Field.LAST_NAME: """lastname last surname familyname lname nachname familienname nom
        nomdefamille apellido apellidos cognome achternaam""",
    Field.UNSUBSCRIBED: """unsubscribed unsubscribe optedout optout hasoptedout abgemeldet
        desinscrit desabonne""",
    Field.SUBSCRIBED: """subscribed optedin optin angemeldet abonniert abonne""",
    Field.SEGMENTS: """segments segment segmente""",
}
KNOWN = {name: field for field, names in NAMES.items() for name in names.split()}


def guess_targets(
    format: Format, sample: Sequence[Record], catalogue: Catalogue
) -> list[Target | None]:
    """A target for each column that suggests one; none twice."""
    guess = Guesser(catalogue)
    targets = [guess(column) if format.headed else None for column in format.columns]
    met: set[tuple[str, str | int]] = set()
    for place, target in enumerate(targets):
        if target is not None and target.identity in met:
            targets[place] = None
        elif target is not None:
            met.add(target.identity)
    if Target(field=Field.EMAIL) not in targets:
        fullest = _column_of_addresses(sample)
        if fullest is not None and fullest < len(targets) and targets[fullest] is None:
            targets[fullest] = Target(field=Field.EMAIL)
    return targets


class Guesser:
    """Guesses by the name of one column."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        times = Counter(map(folded, catalogue.properties))
        self._properties = {
            folded(key): row for key, row in catalogue.properties.items() if times[folded(key)] == 1
        }

    def __call__(self, column: str) -> Target | None:
        name = column.strip()
        if name in Field.values:
            return Target(field=Field(name))
        exact = self._catalogue.properties.get(name)
        if exact is not None:
            return Target(definition=exact)
        if name.startswith(("property:", "topic:")):
            try:
                return self._catalogue.target(name)
            except FileRefused:
                return None
        field, definition = KNOWN.get(folded(name)), self._properties.get(folded(name))
        if definition is not None:
            return Target(definition=definition)
        return Target(field=field) if field else None


def folded(name: str) -> str:
    """A name without what people write differently: case, accents, spaces, signs."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in apart if char.isalnum())


def _column_of_addresses(sample: Iterable[Record]) -> int | None:
    """The column with the most addresses, ``None`` where there are none."""
    counts = Counter(
        place for record in sample for place, cell in enumerate(record.cells) if is_address(cell)
    )
    return counts.most_common(1)[0][0] if counts else None
