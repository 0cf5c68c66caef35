"""Draws random filled blueprints: everything that the form and its language allow, from a seed."""

import random

from cfsm.domain.blueprint.form import TIMEFRAMES
from cfsm.domain.blueprint.functions import FUNCTIONS, Kind

PRICES = ("open", "high", "low", "close", "volume", "hour", "weekday")


class Draw:
    """One form, drawn from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.indicators = []
        self.kinds = {}
        self.parameters = []

    def form(self):
        for number in range(self.random.randrange(5)):
            low = self.random.choice([1, 5, 0.5])
            high = low + self.random.choice([1, 10, 0.25])
            default = self.random.choice([low, high])
            name = self.random.choice([f"p{number}", f"buy_p{number}", f"sell_p{number}"])
            self.parameters.append({"name": name, "low": low, "high": high, "default": default})
        for number in range(self.random.randrange(6)):
            name = f"i{number}"
            is_condition = self.random.random() < 0.2
            text = self.condition(2, tuned=False) if is_condition else self.series(2, tuned=False)
            self.indicators.append(f"{name} = {text}")
            self.kinds[name] = Kind.CONDITION if is_condition else Kind.SERIES
        sides = self.random.choice([("enter_long", "enter_short"), ("enter_long",), ("enter_short",)])
        roi = sorted(self.random.sample(range(0, 500, 10), self.random.randrange(4)))
        return {
            "idea": self.random.choice(["", 'Trend "following" \\ with\nlines', "Ritorno alla media è così"]),
            "timeframe": self.random.choice(TIMEFRAMES),
            "indicators": self.indicators,
            "parameters": self.parameters,
            **{field: self.condition(3) if field in sides else "" for field in ("enter_long", "enter_short")},
            **{field: self.random.choice(["", self.condition(2)]) for field in ("exit_long", "exit_short")},
            "minimal_roi": [{"minutes": minutes, "profit": 0.01 * len(roi)} for minutes in roi],
            "stoploss": self.random.choice([-0.01, -0.05, -0.3]),
            "leverage": self.random.choice([1, 2.5, 10]),
        }

    def condition(self, depth, *, tuned=True):  # noqa: PLR0911 - one for each shape
        choice = self.random.randrange(8 if depth else 4)
        named = [name for name, kind in self.kinds.items() if kind is Kind.CONDITION]
        if choice == 0 and named:
            return self.random.choice(named)
        if choice == 1:
            way = self.random.choice(["crosses above", "crosses below", "crossed_above"])
            return f"{self.value(depth, tuned)} {way} {self.series(depth, tuned=tuned)}"
        if choice == 2:
            function = self.random.choice(["rising", "falling"])
            return f"{function}({self.series(depth, tuned=tuned)}, {self.random.randrange(1, 5)})"
        if choice == 3:
            return f"crossed_below({self.series(depth, tuned=tuned)}, {self.value(depth, tuned)})"
        if choice == 4:
            return f"not ({self.condition(depth - 1, tuned=tuned)})"
        if choice == 5:
            return f"({self.condition(depth - 1, tuned=tuned)})[{self.random.randrange(1, 4)}]"
        if choice == 6:
            word = self.random.choice([" and ", " or ", " && ", " | "])
            return word.join(f"({self.condition(depth - 1, tuned=tuned)})" for _ in range(2))
        sign = self.random.choice(["<", "<=", ">", ">=", "==", "!="])
        return f"{self.series(depth, tuned=tuned)} {sign} {self.value(depth, tuned)}"

    def value(self, depth, tuned):
        """A number, a parameter or a series."""
        choice = self.random.randrange(4)
        if choice == 0:
            return self.random.choice(["0", "-1.5", "30", "70.25"])
        if choice == 1 and tuned and self.parameters:
            name = self.random.choice(self.parameters)["name"]
            return self.random.choice([name, f"({name} * 2 - 1)", f"-{name}"])
        return self.series(depth, tuned=tuned)

    def series(self, depth, *, tuned):  # noqa: PLR0911 - one for each shape
        choice = self.random.randrange(7 if depth > 0 else 3)
        named = [name for name, kind in self.kinds.items() if kind is Kind.SERIES]
        if choice == 0 and named:
            return self.random.choice(named)
        if choice <= 1:
            return self.random.choice(PRICES)
        if choice == 2:
            return self.call(0)
        if choice == 3:
            return f"{self.series(depth - 1, tuned=tuned)}[{self.random.randrange(0, 30)}]"
        if choice == 4:
            sign, right = self.random.choice("+-*/"), self.value(depth - 1, tuned)
            return f"({self.series(depth - 1, tuned=tuned)} {sign} {'2' if right == '0' else right})"
        if choice == 5:
            return f"-{self.series(depth - 1, tuned=tuned)}"
        return self.call(depth - 1)

    def call(self, depth):
        name = self.random.choice([name for name, each in FUNCTIONS.items() if each.result is Kind.SERIES])
        function = FUNCTIONS[name]
        arguments = [self.series(depth, tuned=False) for _ in function.series]
        if arguments and function.series[0] and self.random.random() < 0.3:
            arguments = []
        for setting in function.settings[: self.random.randrange(len(function.settings) + 1)]:
            value = self.random.uniform(setting.low, min(setting.high, 60))
            arguments.append(str(round(value) if setting.is_whole else round(value, 3)))
        return f"{name}({', '.join(arguments)})" if arguments or not function.series else name


def draw(seed):
    """Give the form of a seed."""
    return Draw(seed).form()
