#!/usr/bin/python3
"""The command of GAVO DaCHS, with the names of VizieR's tables, which DaCHS cannot host.

Run by the system's Python, which has DaCHS, and never by ours. DaCHS refuses a delimited table name
such as "II/321/iphas2"; here a query that has one is read as if it named ``vizier.ii_321_iphas2``. And
it wants ESA's schema ``external`` delimited, as ADQL does.
``many-imp`` imports several resource descriptors in one process, which saves two seconds for each.
"""

import re
import sys

_VIZIER = re.compile(r'"([IVXBJ]+/[^"]+)"')  # catalogue III/283, B/vsx, J/A+A/640/A1


def _hosted(query):
    query = _VIZIER.sub(
        lambda found: "vizier." + re.sub(r"[^a-z0-9]", "_", found.group(1).lower()), query
    )
    return re.sub(r"\bexternal\.", '"external".', query)  # a reserved word, which ESA does not mind


def _read_vizier_names():
    from gavo.protocols import adqlglue

    morph = adqlglue.morphADQL
    adqlglue.morphADQL = lambda query, *args, **options: morph(_hosted(query), *args, **options)


def _import_many(descriptors):
    from gavo.user import cli

    for descriptor in descriptors:
        sys.argv = ["dachs", "imp", descriptor]
        try:
            cli.main()
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    if sys.argv[1] == "many-imp":
        _import_many(sys.argv[2:])
    else:
        from gavo.user import cli

        if sys.argv[1] != "init":
            _read_vizier_names()
        cli.main()
