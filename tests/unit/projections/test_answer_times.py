"""Answer times: what each model needed, as the time limits are learnt from it."""

from cfsm.projections.answer_times import AnswerTimesView
from cfsm.projections.reading import fold
from tests.fakes import talk
from tests.fakes.story import Story


def answered(story, *seconds, model="phi3:mini", complexity="normal"):
    generation = story.request(f"{model} {complexity}")
    for number, each in enumerate(seconds):
        step = f"{model}/{number}"
        generation.ask(talk.step(step, model=model, complexity=complexity), story.stamp())
        generation.keep_answer(step, talk.ANSWER | {"seconds": each}, story.stamp())
    story.record(generation)


def failed(story, reason, seconds):
    generation = story.request(reason)
    generation.ask(talk.step("phi3:mini/0"), story.stamp())
    facts = talk.FAILED_ANSWER | {"reason": reason, "seconds": seconds}
    generation.keep_failed_answer("phi3:mini/0", facts, story.stamp())
    story.record(generation)


def test_times_are_told_by_model_and_complexity_the_oldest_first():
    story = Story()
    answered(story, 3.0, 5.0)
    answered(story, 90.0, complexity="complex")
    answered(story, 8.0, model="cogito:8b")

    view = fold(AnswerTimesView, story.log)

    assert view.seconds("phi3:mini", "normal") == [3.0, 5.0]
    assert view.seconds("phi3:mini", "complex") == [90.0]
    assert view.seconds("mistral", "normal") == []
    assert view.typical() == {"phi3:mini": 5.0, "cogito:8b": 8.0}


def test_what_ran_into_its_limit_counts_and_other_failures_do_not():
    story = Story()
    failed(story, "timed_out", 600.0)
    failed(story, "garbage", 1.0)
    failed(story, "unavailable", 0.0)

    assert fold(AnswerTimesView, story.log).seconds("phi3:mini", "normal") == [600.0]


def test_only_the_last_are_remembered():
    story = Story()
    answered(story, *(float(number) for number in range(1, 251)))

    seconds = fold(AnswerTimesView, story.log).seconds("phi3:mini", "normal")

    assert (len(seconds), seconds[0], seconds[-1]) == (200, 51.0, 250.0)
