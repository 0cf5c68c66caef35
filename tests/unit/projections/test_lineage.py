import pytest

from cfsm.domain.evaluation import Kind
from cfsm.domain.strategy import Reason, Strategy
from cfsm.projections import lineage
from cfsm.projections.family import Edge, EdgeKind, NodeKind, mermaid
from cfsm.projections.lineage import LineageView
from cfsm.projections.reading import fold
from tests.fakes.forward_tests import conclude
from tests.fakes.story import Story


def view_of(story):
    return fold(LineageView, story.log)


def hex_id(name):
    return Strategy.id_of(name).hex


def labels(nodes):
    return [node.label for node in nodes]


def of_kind(family, kind):
    return [node for node in family.nodes if node.kind is kind]


def test_a_strategy_comes_from_its_generation_with_what_was_asked_and_given():
    story = Story()
    generation = story.request()
    story.generate("A", generation=generation)

    family = view_of(story).tree("A")

    [origin] = family.sources(family.root)
    assert (origin.id, origin.kind) == (generation.id.hex, NodeKind.GENERATION)
    assert origin.facts == {
        "mode": "predefined",
        "strategy_type": "volatility",
        "model": "predefined",
        "seed": 7,
        "why": "the hour",
        "prompt": "hash of the prompt",
    }


def test_a_generation_is_known_also_when_only_its_conclusion_names_the_strategy():
    story = Story()
    generation = story.request()
    strategy = story.generate("A")
    generation.conclude(strategy.id, "A", story.stamp())
    story.record(generation)

    family = view_of(story).tree("A")

    assert family.edges == (Edge(generation.id.hex, strategy.id.hex, EdgeKind.GENERATED),)


def test_a_seed_of_any_size_is_kept():
    story = Story()
    generation = story.request()
    entry = story.log.entries[0]
    story.log.entries[0] = entry._replace(state=entry.state.replace(b'"seed":7', b'"seed":%d' % 2**63))
    story.generate("A", generation=generation)

    assert view_of(story).tree("A").node(generation.id.hex).facts["seed"] == 2**63


def test_its_evaluations_are_shown_in_order_with_their_outcomes():
    story = Story()
    strategy = story.backtested("A")
    story.fail(story.start(strategy, key="2"), "no memory")
    story.start(strategy, key="3")

    family = view_of(story).tree("A")

    runs = family.targets(family.root, EdgeKind.EVALUATED)
    assert labels(runs) == [
        "validation: accepted",
        "backtest: backtested",
        "backtest: failed",
        "backtest: under way",
    ]
    assert runs[1].facts["result_hash"] == "hash of the trades"
    assert runs[1].facts["seconds"] == 1.5
    assert runs[2].facts["failure"] == "no memory"


def test_a_result_that_came_after_retirement_is_marked():
    story = Story()
    strategy = story.backtested("A")
    run = story.start(strategy, Kind.BACKTEST, "late")
    story.retire(strategy)
    story.complete(run)
    strategy.record_backtest(str(run.id), "", "", {}, story.stamp())
    story.record(strategy)

    family = view_of(story).tree("A")

    assert family.node(run.id.hex).facts["came_late"] is True
    assert [node.facts["came_late"] for node in of_kind(family, NodeKind.EVALUATION)] == [False, False, True]


def test_a_retirement_keeps_its_evidence():
    story = Story()
    story.retire(story.generate("A"), Reason.WEAK, score=0.01)

    family = view_of(story).tree("A")

    [end] = family.targets(family.root, EdgeKind.RETIRED)
    assert (end.kind, end.label, end.at) == (
        NodeKind.RETIREMENT,
        "retired: weak",
        "2026-01-01T00:02:00+00:00",
    )
    assert end.facts == {"reason": "weak", "detail": "because it is weak", "evidence": {"score": 0.01}}
    assert family.node(family.root).facts["state"] == "Retired"


def test_ancestors_and_descendants_of_all_degrees_are_shown_siblings_are_not():
    story = Story()
    story.generate("Grandmother")
    story.generate("Mother", parents=["Grandmother"])
    story.generate("Father")
    story.generate("Child", parents=["Mother", hex_id("Father")])
    story.generate("Sibling", parents=["Mother"])
    story.generate("Grandchild", parents=["Child"])

    family = view_of(story).tree("Child")

    assert set(labels(of_kind(family, NodeKind.STRATEGY))) == {
        "Grandmother",
        "Mother",
        "Father",
        "Child",
        "Grandchild",
    }
    assert labels(family.sources(family.root, EdgeKind.PARENT)) == ["Mother", "Father"]
    assert labels(family.targets(family.root, EdgeKind.PARENT)) == ["Grandchild"]
    assert labels(family.sources(hex_id("Mother"), EdgeKind.PARENT)) == ["Grandmother"]


def test_a_parent_from_elsewhere_has_no_node():
    story = Story()
    story.generate("Child", parents=["Unknown"])

    family = view_of(story).tree("Child")

    assert labels(family.nodes) == ["Child"]
    assert family.edges == ()


def test_twins_are_shown_from_both_sides_by_one_edge():
    story = Story()
    first, second = story.generate("A"), story.generate("B")
    story.note_twin(first, "B")
    story.note_twin(second, str(first.id))

    for name, other in (("A", "B"), ("B", "A")):
        family = view_of(story).tree(name)
        assert labels(family.twins(family.root)) == [other]
        assert len(family.edges) == 1


def test_the_root_is_found_by_name_and_by_id():
    story = Story()
    strategy = story.generate("A")
    view = view_of(story)

    assert view.tree("A") == view.tree(str(strategy.id)) == view.tree(strategy.id.hex)


def test_an_unknown_strategy_is_refused_with_where_to_look():
    with pytest.raises(LookupError, match="strategies list"):
        view_of(Story()).tree("Nobody")


def test_a_strategy_shows_its_parameters_those_found_later_too():
    story = Story()
    strategy = story.backtested("A")
    story.optimize(strategy, "found")

    facts = view_of(story).tree("A").node(hex_id("A")).facts

    assert facts["parameters"] == {"window": 14}
    assert facts["parameters_hash"] == "found"
    assert facts["code_hash"] == "code of A"


def test_no_tree_grows_beyond_its_bound(monkeypatch):
    monkeypatch.setattr(lineage, "MAX_RELATIVES", 5)
    story = Story()
    story.generate("S0")
    for number in range(1, 20):
        story.generate(f"S{number}", parents=[f"S{number - 1}"])

    family = view_of(story).tree("S10")

    assert labels(of_kind(family, NodeKind.STRATEGY)) == ["S6", "S7", "S8", "S9", "S10"]


def test_plain_data_and_the_tree_name_the_same_nodes_and_edges():
    story = Story()
    story.generate("A", generation=story.request())
    family = view_of(story).tree("A")

    facts = family.as_mapping()

    assert facts["root"] == hex_id("A")
    assert [node["label"] for node in facts["nodes"]] == ["predefined volatility", "A"]
    assert facts["edges"] == [
        {"source": family.nodes[0].id, "target": hex_id("A"), "kind": "generated"},
    ]


def test_mermaid_draws_every_node_and_edge():
    story = Story()
    mother = story.generate("Mother", generation=story.request())
    story.validate(mother)
    child = story.generate("Child", parents=["Mother"])
    story.note_twin(child, "Mother")
    story.retire(mother, Reason.TOO_OLD)

    assert mermaid(view_of(story).tree("Mother")) == (
        "flowchart TD\n"
        '    n0(["predefined volatility"])\n'
        '    n1["Mother"]\n'
        '    n2["Child"]\n'
        '    n3("validation: accepted")\n'
        '    n4{{"retired: too_old"}}\n'
        "    n0 -->|generated| n1\n"
        "    n1 -->|evaluated| n3\n"
        "    n1 -->|parent| n2\n"
        "    n2 -.-|twin| n1\n"
        "    n1 -->|retired| n4\n"
        "    style n1 stroke-width:4px\n"
    )


def test_a_name_cannot_break_out_of_the_drawing():
    story = Story()
    story.generate('A"] --> B[<script>')

    drawing = mermaid(view_of(story).tree('A"] --> B[<script>'))

    assert '["A#34;#93; --#62; B#91;#60;script#62;"]' in drawing


def test_the_conversation_about_a_strategy_is_part_of_where_it_comes_from():
    story = Story()
    strategy = story.generate("A", generation=story.converse())

    family = fold(LineageView, story.log).tree("A")

    (generation,) = family.sources(strategy.id.hex, EdgeKind.GENERATED)
    assert generation.label == "voting volatility"
    said = generation.facts["conversation"]
    assert list(said) == ["phi3:mini/0", "cogito:8b/0", "cogito:8b/vote", "judge/1"]
    first = said["phi3:mini/0"]
    assert (first["model"], first["prompt_name"], first["verdict"], first["screening"]) == (
        "phi3:mini",
        "write-source",
        "accepted",
        "traded",
    )
    assert first["texts"] == {
        "prompt": "hash of the messages",
        "answer": "hash of the answer",
        "thinking": "hash of thoughts",
    }
    assert said["cogito:8b/0"]["failure"] == "timed_out"
    assert generation.facts["decision"]["winner"] == "phi3:mini"
    assert generation.facts["fallbacks"][0]["after"] == "contest"


def test_a_forward_test_is_among_what_came_of_a_strategy():
    story = Story()
    strategy = story.generate("A")
    test = story.forward(strategy)
    conclude(test, story.stamp())
    story.record(test)

    [node] = of_kind(view_of(story).tree("A"), NodeKind.EVALUATION)

    assert node.facts["verdict"] == "kept"
    assert "forward" in node.label
