"""TA-Lib's functions as ``talib.abstract`` has them: what goes in, settings with their types, what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass

_TABLE = """
AC candles fastperiod:i,slowperiod:i,signalperiod:i real
ACCBANDS candles timeperiod:i upperband,middleband,lowerband
ACOS price - real
AD candles - real
ADD prices - real
ADOSC candles fastperiod:i,slowperiod:i real
ADR candles timeperiod:i real
ADX candles timeperiod:i real
ADXR candles timeperiod:i real
AO candles fastperiod:i,slowperiod:i real
APO price fastperiod:i,slowperiod:i,matype:i real
AROON candles timeperiod:i aroondown,aroonup
AROONOSC candles timeperiod:i real
ASIN price - real
ATAN price - real
ATR candles timeperiod:i real
AVGDEV price timeperiod:i real
AVGPRICE candles - real
BBANDS price timeperiod:i,nbdevup:f,nbdevdn:f,matype:i upperband,middleband,lowerband
BETA prices timeperiod:i real
BOP candles - real
CCI candles timeperiod:i real
CEIL price - real
CMF candles timeperiod:i real
CMO price timeperiod:i real
CMOU price timeperiod:i real
COPPOCK price wmaperiod:i,roc1period:i,roc2period:i real
CORREL prices timeperiod:i real
COS price - real
COSH price - real
CUMSUM price - real
CVI candles timeperiod:i,rocperiod:i real
DEMA price timeperiod:i real
DIV prices - real
DONCHIAN candles timeperiod:i upperband,middleband,lowerband
DPO price timeperiod:i real
DX candles timeperiod:i real
EFI candles timeperiod:i real
EMA price timeperiod:i real
ER price timeperiod:i real
ERI candles timeperiod:i bullpower,bearpower
EXP price - real
FLOOR price - real
FOSC price timeperiod:i real
FRACTAL candles leftbars:i,rightbars:i swinghigh,swinglow
HA candles - haopen,hahigh,halow,haclose
HMA price timeperiod:i real
HT_DCPERIOD price - real
HT_DCPHASE price - real
HT_PHASOR price - inphase,quadrature
HT_SINE price - sine,leadsine
HT_TRENDLINE price - real
HT_TRENDMODE price - integer
IMI candles timeperiod:i real
KAMA price timeperiod:i real
KC candles timeperiod:i,atrperiod:i,nbdev:f upperband,middleband,lowerband
KDJ candles fastk_period:i,slowk_period:i,slowk_matype:i,slowd_period:i,slowd_matype:i k,d,j
LINEARREG price timeperiod:i real
LINEARREG_ANGLE price timeperiod:i real
LINEARREG_INTERCEPT price timeperiod:i real
LINEARREG_SLOPE price timeperiod:i real
LN price - real
LOG10 price - real
MA price timeperiod:i,matype:i real
MACD price fastperiod:i,slowperiod:i,signalperiod:i macd,macdsignal,macdhist
MACDEXT price fastperiod:i,fastmatype:i,slowperiod:i,slowmatype:i,signalperiod:i,signalmatype:i macd,macdsignal,macdhist
MACDFIX price signalperiod:i macd,macdsignal,macdhist
MAMA price fastlimit:f,slowlimit:f mama,fama
MARKETFI candles - real
MASSI candles fastperiod:i,slowperiod:i real
MAVP other minperiod:i,maxperiod:i,matype:i real
MAX price timeperiod:i real
MAXINDEX price timeperiod:i integer
MEDPRICE candles - real
MFI candles timeperiod:i real
MIDPOINT price timeperiod:i real
MIDPRICE candles timeperiod:i real
MIN price timeperiod:i real
MININDEX price timeperiod:i integer
MINMAX price timeperiod:i min,max
MINMAXINDEX price timeperiod:i minidx,maxidx
MINUS_DI candles timeperiod:i real
MINUS_DM candles timeperiod:i real
MOM price timeperiod:i real
MULT prices - real
NATR candles timeperiod:i real
NVI candles - real
OBV candles - real
PERCENTILE price timeperiod:i,percentile:f real
PERCENTRANK price timeperiod:i real
PLUS_DI candles timeperiod:i real
PLUS_DM candles timeperiod:i real
PPO price fastperiod:i,slowperiod:i,matype:i real
PVI candles - real
PVO candles fastperiod:i,slowperiod:i,matype:i real
PVT candles - real
QSTICK candles timeperiod:i real
RMA price timeperiod:i real
ROC price timeperiod:i real
ROCP price timeperiod:i real
ROCR price timeperiod:i real
ROCR100 price timeperiod:i real
RSI price timeperiod:i real
RVI price timeperiod:i,stddevperiod:i real
RVOL candles timeperiod:i real
SAR candles acceleration:f,maximum:f real
SIN price - real
SINH price - real
SMA price timeperiod:i real
SMI candles timeperiod:i,fastperiod:i,slowperiod:i,signalperiod:i smi,smisignal
SQRT price - real
STDDEV price timeperiod:i,nbdev:f real
STOCH candles fastk_period:i,slowk_period:i,slowk_matype:i,slowd_period:i,slowd_matype:i slowk,slowd
STOCHF candles fastk_period:i,fastd_period:i,fastd_matype:i fastk,fastd
STOCHRSI price timeperiod:i,fastk_period:i,fastd_period:i,fastd_matype:i fastk,fastd
SUB prices - real
SUM price timeperiod:i real
SUPERTREND candles timeperiod:i,multiplier:f supertrend,trend
T3 price timeperiod:i,vfactor:f real
TAN price - real
TANH price - real
TEMA price timeperiod:i real
TRANGE candles - real
TRIMA price timeperiod:i real
TRIX price timeperiod:i real
TSF price timeperiod:i real
TSI price firstperiod:i,secondperiod:i real
TYPPRICE candles - real
ULTOSC candles timeperiod1:i,timeperiod2:i,timeperiod3:i real
VAR price timeperiod:i,nbdev:f real
VHF price timeperiod:i real
VORTEX candles timeperiod:i plusvi,minusvi
VWAP candles - real
VWMA candles timeperiod:i real
WAD candles - real
WCLPRICE candles - real
WILLR candles timeperiod:i real
WMA price timeperiod:i real
ZLEMA price timeperiod:i real
"""
"""Name, input (``price``: one column, ``candles``: columns fixed), settings (``i`` whole, ``f`` real), outputs."""

_PATTERNS = """
2CROWS 3BLACKCROWS 3INSIDE 3LINESTRIKE 3OUTSIDE 3STARSINSOUTH 3WHITESOLDIERS ABANDONEDBABY
ADVANCEBLOCK BELTHOLD BREAKAWAY CLOSINGMARUBOZU CONCEALBABYSWALL COUNTERATTACK DARKCLOUDCOVER DOJI
DOJISTAR DRAGONFLYDOJI ENGULFING EVENINGDOJISTAR EVENINGSTAR GAPSIDESIDEWHITE GRAVESTONEDOJI HAMMER
HANGINGMAN HARAMI HARAMICROSS HIGHWAVE HIKKAKE HIKKAKEMOD HOMINGPIGEON IDENTICAL3CROWS INNECK
INVERTEDHAMMER KICKING KICKINGBYLENGTH LADDERBOTTOM LONGLEGGEDDOJI LONGLINE MARUBOZU MATCHINGLOW
MATHOLD MORNINGDOJISTAR MORNINGSTAR ONNECK PIERCING RICKSHAWMAN RISEFALL3METHODS SEPARATINGLINES
SHOOTINGSTAR SHORTLINE SPINNINGTOP STALLEDPATTERN STICKSANDWICH TAKURI TASUKIGAP THRUSTING TRISTAR
UNIQUE3RIVER UPSIDEGAP2CROWS XSIDEGAP3METHODS
"""
"""Candlestick patterns; their names begin with CDL."""

_WITH_PENETRATION = "ABANDONEDBABY DARKCLOUDCOVER EVENINGDOJISTAR EVENINGSTAR MATHOLD MORNINGDOJISTAR MORNINGSTAR"


@dataclass(frozen=True)
class Indicator:
    """A function of TA-Lib, of one price, of whole candles, or (neither) of two prices.

    ``settings`` maps each name to whether it is a whole number, in order.
    """

    name: str
    takes_price: bool
    takes_candles: bool
    settings: Mapping[str, bool]
    outputs: tuple[str, ...]


def _indicator(line: str) -> Indicator:
    name, takes, settings, outputs = line.split()
    pairs = [] if settings == "-" else [setting.split(":") for setting in settings.split(",")]
    return Indicator(
        name, takes == "price", takes == "candles", {key: kind == "i" for key, kind in pairs}, tuple(outputs.split(","))
    )


def _pattern(name: str) -> Indicator:
    settings = {"penetration": False} if name in _WITH_PENETRATION.split() else {}
    return Indicator(f"CDL{name}", takes_price=False, takes_candles=True, settings=settings, outputs=("integer",))


TALIB: Mapping[str, Indicator] = {
    **{line.split()[0]: _indicator(line) for line in _TABLE.strip().splitlines()},
    **{f"CDL{name}": _pattern(name) for name in _PATTERNS.split()},
}
