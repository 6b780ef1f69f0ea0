"""Every mistake in the files is told at start, all at once, with its place and what was expected."""

from pathlib import Path

import pytest
from mapping_examples import HEAD, PLANS, RULES, TAXONOMY, VOCABULARY, loaded, write

from bridge.errors import SettingsError
from bridge.mapping import load, load_all

RULE = '[[rule]]\nname = "one"\nwhen.type = "invoice.paid"\n'


def problems(folder: Path, **files: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        loaded(folder, **files)
    return raised.value.problems


def problems_of_rules(folder: Path, rules: str) -> tuple[str, ...]:
    return problems(folder, stripe=HEAD + rules)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ('[[rule]]\nname = "one"\nwhen.type = "invoice.piad"\nignore = "no"',
         "rule 1 (one): when: type: `invoice.piad` is not among its values (did you mean `invoice.paid`?)"),
        ('[[rule]]\nname = "one"\nwhen.subscription.status = "activ"\nignore = "no"',
         "rule 1 (one): when: subscription.status: `activ` is not among its values (did you mean `active`?)"),
        ('[[rule]]\nname = "one"\nwhen.subscription.sttus = "active"\nignore = "no"',
         "rule 1 (one): when: subscription.sttus: is no fact of this source (did you mean `subscription.status`?)"),
        ('[[rule]]\nname = "one"\nwhen.changed = 1\nignore = "no"',
         "rule 1 (one): when: changed: expected true or false, found a number"),
        ('[[rule]]\nname = "one"\nwhen.attempts = true\nignore = "no"',
         "rule 1 (one): when: attempts: expected a number, found true or false"),
        ('[[rule]]\nname = "one"\nwhen.type = [["invoice.paid"]]\nignore = "no"',
         "rule 1 (one): when: type: expected a text, found a list"),
        ('[[rule]]\nname = "one"\nwhen.type = 2026-01-01\nignore = "no"',
         "rule 1 (one): when: type: expected a text, found a date or time"),
        ('[[rule]]\nname = "one"\nwhen.type = []\nignore = "no"',
         "rule 1 (one): when: type: is empty, so it says nothing about what to look for; take it out or fill it"),
        ('[[rule]]\nname = "one"\nwhen.subscription = "sub_1"\nignore = "no"',
         "rule 1 (one): when: subscription: is a document (a group of facts); a rule can only compare single values"),
        ('[[rule]]\nname = "one"\nwhen = "invoice.paid"\nignore = "no"',
         "rule 1 (one): when: expected a table, found a text"),
        (RULE, "rule 1 (one): expected exactly one of `emit` and `ignore`"),
        (RULE + 'emit = "plan_changed"\nignore = "no"', "rule 1 (one): expected exactly one of `emit` and `ignore`"),
        (RULE + 'emit = "plan_chnged"',
         "rule 1 (one): emit: `plan_chnged` is no event of taxonomy.toml (did you mean `plan_changed`?)"),
        (RULE + 'ignore = ""', "rule 1 (one): ignore: expected a text that is not empty, found a text"),
        (RULE + 'ignore = "no"\nenabeld = true',
         "rule 1 (one): enabeld: is no known key (did you mean `enabled`?); known are name, when, enabled, ignore"),
        (RULE + 'ignore = "no"\nproperties = {}',
         "rule 1 (one): properties: is no known key; known are name, when, enabled, ignore"),
        (RULE + 'ignore = "no"\nenabled = "yes"', "rule 1 (one): enabled: expected true or false, found a text"),
        ('[[rule]]\nwhen.type = "invoice.paid"\nignore = "no"',
         "rule 1: name: expected a text that is not empty, found nothing"),
        (RULE + 'emit = "plan_changed"\nproperties.resaon = "metadata.a"',
         "rule 1 (one): properties: resaon: `resaon` is no property of taxonomy.toml (did you mean `reason`?)"),
        (RULE + 'emit = "plan_changed"\nproperties.reason = "subscription.statu"',
         ("rule 1 (one): properties: reason: `subscription.statu` is no fact of this source"
         " (did you mean `subscription.status`?)")),
        (RULE + 'emit = "plan_changed"\nproperties.reason = "metadata"',
         ("rule 1 (one): properties: reason: `metadata` is a document (the app's own);"
         " expected boolean or decimal or integer or list or text or time")),
        (RULE + 'emit = "plan_changed"\nproperties.reason = true',
         ("rule 1 (one): properties: reason: expected a path, a list of paths, { path = … }, { value = … } or false,"
         " found true or false")),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { path = "metadata.a", convert = "uper" }',
         "rule 1 (one): properties: reason: convert: `uper` is no conversion (did you mean `upper`?)"),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { path = "subscription.status", convert = "iso_time" }',
         ("rule 1 (one): properties: reason: path: `subscription.status` is a text (its state);"
         " expected integer or time")),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { path = "metadata.a", table = "reason" }',
         "rule 1 (one): properties: reason: table: `reason` is no table of this mapping (did you mean `reasons`?)"),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { path = "metadata.a", else = "same" }',
         'rule 1 (one): properties: reason: else: expected "same", beside a table'),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { path = "metadata.a", table = "reasons", else = "x" }',
         'rule 1 (one): properties: reason: else: expected "same", beside a table'),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { path = "metadata.a", value = 1 }',
         ("rule 1 (one): properties: reason: value: a constant stands alone: take out the other keys,"
         " or take out `value`")),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { value = { a = 1 } }',
         ("rule 1 (one): properties: reason: value: expected a text, true or false, a number of moderate length,"
         " or a list of texts")),
        (RULE + 'emit = "plan_changed"\nproperties.reason = { convert = "upper" }',
         "rule 1 (one): properties: reason: expected `path` or `value`"),
        (RULE + 'emit = "plan_changed"\nproperties.revenue = "fee.amount"',
         ("rule 1 (one): properties: revenue: comes from the money of the facts, with its sign from taxonomy.toml;"
         " take it out")),
        (RULE + 'emit = "plan_changed"\nproperties.user_id = "metadata.a"',
         "rule 1 (one): properties: user_id: is set by [user]; take it out"),
        (RULE + 'emit = "plan_changed"\nproperties.corrects = "metadata.a"',
         "rule 1 (one): properties: corrects: is set when something is corrected; take it out"),
        (RULE + 'emit = "revenue_corrected"',
         "rule 1 (one): emit: `revenue_corrected` is sent by the bridge itself; no rule emits it"),
        (RULE + 'emit = "refund_issued"\nproperties.transaction_id = false',
         ("rule 1 (one): emit: refund_issued needs transaction_id, which nothing gives: add it to properties,"
         " or list it under `without`")),
        (RULE + 'emit = "refund_issued"\nwithout = ["revenu"]',
         "rule 1 (one): without: `revenu` is no need of refund_issued (did you mean `revenue`?)"),
        (RULE + 'emit = "refund_issued"\ntimestamp = "subscription.status"',
         "rule 1 (one): timestamp: `subscription.status` is a text (its state); expected time"),
        (RULE + 'emit = "refund_issued"\nmoney = "fees"',
         "rule 1 (one): money: `fees.amount` is no fact of this source (did you mean `fee.amount`?)"),
        (RULE + 'emit = "refund_issued"\nkey = ["changed"]',
         "rule 1 (one): key: `changed` is a boolean (whether the plan differs); expected integer or text or time"),
        (RULE + 'emit = "refund_issued"\nwhich = "wich"',
         "rule 1 (one): which: `wich` is no fact of this source (did you mean `which`?)"),
        ('[rule]\nname = "one"', "rule: expected at least one [[rule]], with two brackets on each side"),
        ("", "rule: expected at least one [[rule]], with two brackets on each side"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule(tmp_path: Path, rules: str, problem: str) -> None:
    assert problems_of_rules(tmp_path, rules) == (f"stripe.toml: {problem}",)


def test_a_word_that_the_source_may_well_have_added_is_let_through(tmp_path: Path) -> None:
    rules = '[[rule]]\nname = "one"\nwhen.type = ["invoice.overpaid", "v2.refund"]\nignore = "no"'
    assert loaded(tmp_path, stripe=HEAD + rules).rules[0].name == "one"


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    rules = RULE + 'ignore = "no"\n[[rule]]\nname = "one"\nwhen.type = "refund.created"\nignore = "no"'
    assert problems_of_rules(tmp_path, rules) == ("stripe.toml: rule 2 (one): name: rule 1 has the same one",)


@pytest.mark.parametrize(
    ("first", "second", "reachable"),
    [
        ("{}", '{ type = "invoice.paid" }', False),
        ('{ type = "invoice.paid" }', '{ type = "invoice.paid" }', False),
        ('{ type = "invoice.paid" }', '{ type = "invoice.paid", changed = true }', False),
        ('{ type = ["invoice.paid", "refund.created"] }', '{ type = "invoice.paid" }', False),
        ('{ type = "invoice.paid" }', '{ type = ["invoice.paid", "refund.created"] }', True),
        ('{ type = "invoice.paid", changed = true }', '{ type = "invoice.paid" }', True),
        ('{ type = "invoice.paid" }', "{}", True),
        ("{ changed = true }", "{ attempts = 1 }", True),
    ],
)
def test_a_rule_that_can_never_be_taken(tmp_path: Path, first: str, second: str, reachable: bool) -> None:
    rules = f'[[rule]]\nname = "a"\nwhen = {first}\nignore = "x"\n[[rule]]\nname = "b"\nwhen = {second}\nignore = "y"\n'
    if reachable:
        assert len(loaded(tmp_path, stripe=HEAD + rules).rules) == 2
    else:
        told = "stripe.toml: rule 2 (b): can never be taken: all that fits it fits rule 1 (a) before it"
        assert problems_of_rules(tmp_path, rules) == (told,)
    off = rules.replace('name = "a"', 'name = "a"\nenabled = false')
    assert len(loaded(tmp_path, stripe=HEAD + off).rules) == 2


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('source = "stripe"', 'source = "apple"', 'source: expected "stripe", as the file is called, found "apple"'),
        ('source = "stripe"', "", "source: expected a text that is not empty, found nothing"),
        ("[user]", "[usr]", "usr: is no known key (did you mean `user`?)"),
        ('"metadata.user_id"', '"metdata.user_id"',
         "user: user_id: `metdata.user_id` is no fact of this source (did you mean `metadata.user_id`?)"),
        ('["subscription.id"]', "[17]", "user: anonymous_id: expected a text or a list of texts, found a list"),
        ("email_hash = false", 'email_hash = "no"', "user: email_hash: expected true or false, found a text"),
        ('country = { path = "country"', 'contry = { path = "country"',
         "properties: contry: `contry` is no property of taxonomy.toml (did you mean `country`?)"),
        ('usr = "user"', "usr = 1", "tables: reasons: usr: expected a text that is not empty, found a number"),
        ("[tables.reasons]", "[tables.plans]", "tables: plans: this name is taken: it stands for plans.toml"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_head_of_a_mapping(tmp_path: Path, old: str, new: str, problem: str) -> None:
    told = problems(tmp_path, stripe=HEAD.replace(old, new) + RULES)
    assert told[0].startswith(f"stripe.toml: {problem}"), told


def test_a_mapping_has_to_look_for_the_user_somewhere(tmp_path: Path) -> None:
    text = 'source = "stripe"\n[tables.reasons]\n' + RULE + 'ignore = "no"'
    told = "stripe.toml: user: user_id: expected at least one path under user_id or anonymous_id"
    assert problems(tmp_path, stripe=text) == (told,)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "plan_changed", money = "none"', 'name = "plan_changed", money = "nnone"',
         "events: plan_changed: money: `nnone` is no way of money: in, out or none (did you mean `none`?)"),
        ('name = "plan_changed", money = "none", send = true', 'name = "plan_changed", money = "none"',
         "events: plan_changed: send: expected true or false, found nothing"),
        ('plan_changed = { name = "plan_changed", money', 'plan_changed = { nme = "plan_changed", money',
         ("events: plan_changed: nme: is no known key (did you mean `name`?)"
         "; known are name, money, sale, send, documented, needs")),
        ('needs = ["plan_id"]', 'needs = ["plan"]',
         "events: trial_started: needs: `plan` is no property of taxonomy.toml (did you mean `plan_id`?)"),
        ('needs = ["plan_id"]', 'needs = ["revenue"]',
         'events: trial_started: needs: money is "none", so revenue can never be there'),
        ('name = "plan_changed", money = "none"', 'name = "plan_changed", money = "difference"',
         'events: plan_changed: money: "difference" is for revenue_corrected, and nothing else is'),
        ('revenue_corrected = { name = "revenue_corrected", money = "difference"',
         'revenue_corrected = { name = "revenue_corrected", money = "in"',
         'events: revenue_corrected: money: "difference" is for revenue_corrected, and nothing else is'),
        ("user_linked = {", "user_linkd = {",
         "events: `user_linked` is missing; the bridge itself sends it (`send = false` switches it off)"),
        ('country = { name = "country"', 'country = { name = "plan_id"',
         "properties: country: is sent as `plan_id`, and so is plan_id: one would overwrite the other"),
        ('tax = { name = "tax", documented = false }', "",
         "properties: `tax` is missing; the bridge itself sets it (change its name, not its key)"),
        ('tax = { name = "tax", documented = false }', "tax = 1", "properties: tax: expected a table, found a number"),
        ("[events]", "[event]", "event: is no known key (did you mean `events`?); known are events, properties"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_taxonomy(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in TAXONOMY
    assert f"taxonomy.toml: {problem}" in problems(tmp_path, taxonomy=TAXONOMY.replace(old, new))


def test_two_events_may_share_a_sent_name(tmp_path: Path) -> None:
    shared = TAXONOMY.replace('plan_changed = { name = "plan_changed"', 'plan_changed = { name = "trial_started"')
    assert loaded(tmp_path, taxonomy=shared).taxonomy.events["plan_changed"].name == "trial_started"


@pytest.mark.parametrize(
    ("plans", "problem"),
    [
        ("[stripes]", "stripes: is no known key (did you mean `stripe`?); known are stripe, apple, google"),
        ("[stripe]\nprice_1 = 1", "stripe: price_1: expected a text that is not empty, found a number"),
        ("stripe = 1", "stripe: expected a table, found a number"),
        ('[apple]\ncom.app.pro = "pro"',
         'apple: `com` is a table; write an id that has dots in quotes: "com.…" = "plan"'),
    ],
)  # fmt: skip
def test_a_mistake_in_the_plans(tmp_path: Path, plans: str, problem: str) -> None:
    assert problems(tmp_path, plans=plans) == (f"plans.toml: {problem}",)


def test_no_toml_names_the_line(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, stripe=HEAD + RULES + "\n[[rule]\n")
    assert told.startswith("stripe.toml: is no TOML: ")
    assert "line" in told


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, "stripe", VOCABULARY)
    assert raised.value.problems == tuple(
        f"{name}: there is no such file in {tmp_path} (BRIDGE_MAPPINGS names the folder)"
        for name in ("taxonomy.toml", "plans.toml", "stripe.toml")
    )


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "stripe.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"stripe\.toml: cannot be read"):
        load(tmp_path, "stripe", VOCABULARY)


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    write(tmp_path, taxonomy=TAXONOMY.replace("tax = {", "text = {"), plans=PLANS + "price_2 = 2")
    (tmp_path / "apple.toml").write_text(HEAD.replace("email_hash", "email") + RULES.replace('"trial"', '"plan"'))
    with pytest.raises(SettingsError) as raised:
        load_all(tmp_path, {"stripe": VOCABULARY, "apple": VOCABULARY, "google": VOCABULARY})
    files = [problem.split(":")[0] for problem in raised.value.problems]
    assert files == ["taxonomy.toml", "plans.toml", *["apple.toml"] * 3, "google.toml"]


def test_load_all_gives_every_source(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "apple.toml").write_text(HEAD.replace('"stripe"', '"apple"') + RULES)
    mappings = load_all(tmp_path, {"stripe": VOCABULARY, "apple": VOCABULARY})
    assert {source: mapping.source for source, mapping in mappings.items()} == {"stripe": "stripe", "apple": "apple"}
