# SPDX-License-Identifier: MIT
# SCHEMA FILE [all]: FILE follows SCHEMA, every key of it stands there and in
# json.md beside it; with "all", none of the schema is left unseen.
import json, re, sys
kinds = {"string": str, "integer": int, "boolean": bool, "null": type(None),
    "array": list, "object": dict}
def bad(where, why):
    sys.exit("%s: %s" % (where, why))
def valid(v, s, at):
    known = {"description", "type", "enum", "pattern", "minimum", "minLength",
        "items", "properties", "required", "$schema", "title"}
    if set(s) - known:
        bad(at, "this test does not know %s" % (set(s) - known))
    t = s["type"] if isinstance(s["type"], list) else [s["type"]]
    if not any(type(v) is kinds[k] for k in t):
        bad(at, "%r is no %s" % (v, t))
    if "enum" in s and v not in s["enum"]:
        bad(at, "%r is none of %s" % (v, s["enum"]))
    if isinstance(v, str):
        if "pattern" in s and not re.search(s["pattern"], v):
            bad(at, "%r is not %s" % (v, s["pattern"]))
        if len(v) < s.get("minLength", 0):
            bad(at, "too short")
    if type(v) is int and v < s.get("minimum", v):
        bad(at, "%d is too small" % v)
    if isinstance(v, list):
        for i, x in enumerate(v):
            valid(x, s["items"], "%s[%d]" % (at, i))
    if isinstance(v, dict):
        for k in s["required"]:
            if k not in v: bad(at, "has no " + k)
        for k, x in v.items():
            if k not in s["properties"]: bad(at, k + " is not documented")
            valid(x, s["properties"][k], at + "." + k)
            told.add(k)
told = set()
schema = json.load(open(sys.argv[1]))
rows = json.load(open(sys.argv[2]))
valid(rows, schema, "ls")
never = set(schema["items"]["properties"]) - told
if len(sys.argv) > 3 and never:
    bad("schema", "of these nothing was seen: %s" % sorted(never))
page = open(sys.argv[1].replace("ls.schema.json", "json.md")).read()
for k in schema["items"]["properties"]:
    if "`%s`" % k not in page: bad("json.md", "tells nothing of " + k)
