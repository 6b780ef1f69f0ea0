"""The deployed bridge from outside: webhooks into the HTTP API, events out at FloKit, each once."""

import random
from concurrent.futures import ThreadPoolExecutor

from aws.fixtures import Bridge
from aws.stack import eventually
from bridge.standins.troubles import Answer, CutOff, Hang


def test_the_stories_of_all_sources_arrive_once(bridge: Bridge) -> None:
    lives = bridge.lives()
    for life in lives:
        bridge.tell(*life.webhooks)
    bridge.await_events(lives)


def test_disorder_and_repeats_change_nothing(bridge: Bridge) -> None:
    lives = bridge.lives()
    webhooks = [webhook for life in lives for webhook in life.webhooks]
    random.Random(11).shuffle(webhooks)
    bridge.tell(*webhooks, *webhooks[::3])
    bridge.await_events(lives)


def test_a_storm_of_one_webhook_is_one_event(bridge: Bridge) -> None:
    lives = bridge.lives()
    for life in lives:
        with ThreadPoolExecutor(8) as senders:
            for place, webhook in enumerate(life.distinct):
                assert set(senders.map(bridge.post, [webhook] * (1 if place % 4 else 8))) == {200}
    bridge.await_events(lives)


def test_what_is_forged_or_misplaced_is_refused(bridge: Bridge) -> None:
    stripe, apple, google = (life.webhooks[0] for life in bridge.lives())
    for webhook, status in ((stripe, 400), (apple, 400), (google, 401)):
        answer = bridge.http.post(f"/webhooks/{webhook.source}", content=webhook.body)
        assert (answer.status_code, answer.json()["error"] != "") == (status, True)
    assert bridge.http.post("/webhooks/other", content=b"{}").status_code == 404
    assert bridge.http.post("/webhooks/stripe", content=b"x" * (1 << 20 | 1)).status_code == 413
    assert not bridge.arrived()


def test_an_outage_of_flokit_delays_and_loses_nothing(bridge: Bridge) -> None:
    lives = bridge.lives()
    bridge.flokit.troubles += [
        Answer(503),
        Answer(429, {"Retry-After": "1"}),
        CutOff(stores=True),
        Answer(200, body=b"<"),
    ]
    for life in lives:
        bridge.tell(*life.webhooks)
    bridge.await_events(lives, patience_s=120)


def test_a_message_whose_processing_crashes_comes_back_and_is_not_doubled(bridge: Bridge) -> None:
    life, *_ = bridge.lives()
    with bridge.stack.patient(visibility_s=2):
        bridge.flokit.troubles += [Hang(stores=True)]
        bridge.tell(*life.webhooks)
        eventually(lambda: bridge.flokit.requests)  # FloKit has the first event, and no function knows that
        assert bridge.stack.kill("process") + bridge.stack.kill("schedule")
        bridge.await_events([life], patience_s=180)  # the dead function's right to deliver ends by itself


def test_dead_letters_are_told_of_and_can_be_sent_again(bridge: Bridge) -> None:
    life, *_ = bridge.lives()
    queue = bridge.stack.output("NotificationsQueue")
    with bridge.stack.patient(visibility_s=1, tries=2):
        bridge.stack.send(queue, "nobody's message")
        with bridge.stack.without_ledger():
            bridge.tell(*life.webhooks)
            eventually(lambda: bridge.stack.waiting("DeadLettersQueue") == len(life.webhooks) + 1, 120)
        assert not bridge.arrived()
        bridge.stack.redrive()
        bridge.await_events([life])
        eventually(lambda: bridge.stack.waiting("DeadLettersQueue") == 1)  # the one that is nobody's
