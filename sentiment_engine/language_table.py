"""Words that tell languages apart in headlines: function words and what markets are spoken of with.

Words that English headlines use too ("die", "man", "plus", "per", "no") are left out of the other languages.
"""

from __future__ import annotations

from typing import Final

ENGLISH: Final = """
    the a an and or of to in on at for with from by as is are was were be been being has have had will would could
    should may might can not no than that this these those it its his her their our your we you they he she i who what
    why how when where which after before amid over under up down out off into about against more most less new now
    here there s us share shares stock stocks market markets price prices rises rise rose falls fall fell gains gain
    gained higher lower earnings revenue profit profits loss sales results quarter quarterly report reports reported
    says said beats misses cut cuts raises raised target buy sell hold rating upgrade downgrade dividend growth bank
    oil gold trade deal year week day today billion million company companies group investors investor analysts futures
    data economy global first second third fourth top best worst high low trading stake bid offer ceo cfo chief
    forecast guidance outlook rate rates fed drops drop surges surge jumps jump soars slides plunges climbs tumbles
    slips sinks rally rallies news update call conference presents announces announced declares q1 q2 q3 q4 eps etf ipo
    inc corp ltd plc premarket coronavirus tech bond bonds yield yields debt credit capital fund funds energy power car
    maker makers retail sector big two three
"""

OTHERS: Final[dict[str, str]] = {
    "de": """
        der das und ist nicht ein eine einen einem einer dem den des von vom zu zum zur mit auf für im am bei nach aus
        über unter wird werden wurde hat haben sich auch als wie noch aber oder wegen trotz gegen aktie aktien börse
        gewinn gewinne umsatz verlust verluste steigt steigen fällt fallen gestiegen gesunken kurs kurse prognose jahr
        quartal milliarden millionen euro unternehmen anleger erwartungen sinkt sinken übernahme dividende rekord legt
        zu
    """,
    "fr": """
        le la les un une des du de et est sont au aux en dans pour par sur avec sans ne pas plus que qui se sa son ses
        leur mais ou où été après avant contre bourse actions bénéfice chiffre affaires hausse baisse cours perte
        pertes résultat résultats trimestre année milliards entreprise marché marchés chute chutent grimpe augmente
        titre dividende prévisions attentes recule bondit
    """,
    "es": """
        el la los las un una unos de del y es son en con por para sin que se su sus al lo pero como más tras sobre
        entre desde hasta acciones acción bolsa beneficio beneficios ventas ingresos pérdidas sube suben cae caen
        trimestre año millones empresa mercado mercados precio resultados ganancias dividendo alza baja bajan recorta
        crece crecen previsiones
    """,
    "it": """
        il lo gli la le un una di del della dei delle e è sono in con per da dal dalla al alla nel nella che non sul
        sulla più come dopo titolo titoli borsa azioni azione utile utili ricavi perdita perdite sale salgono scende
        crolla trimestre anno milioni miliardi società mercato mercati dividendo aumenta rialzo ribasso risultati stime
        cala
    """,
    "pt": """
        o os as um uma de do da dos das e é são em no na nos nas com por para sem que se seu sua ao à mais mas após
        sobre entre ações ação bolsa lucro lucros vendas receita prejuízo sobe sobem cai caem trimestre ano milhões
        bilhões empresa mercado mercados preço resultados dividendos alta queda cresce
    """,
    "nl": """
        de het een en van is zijn op te voor met aan bij niet ook door naar uit om dat die als maar nog wordt worden
        werd heeft aandelen aandeel beurs winst omzet verlies stijgt stijgen daalt dalen gedaald gestegen kwartaal jaar
        miljoen miljard bedrijf koers fors hoger lager verwachtingen
    """,
    "sv": """
        och att det som en ett är på av för med till den de inte om har från vid efter under mot men ska kan aktie
        aktier aktien aktierna börsen vinst vinsten omsättning förlust stiger faller ökar minskar kvartal kvartalet år
        miljoner miljarder bolaget kraftigt rekord rapport utdelning
    """,
    "da": """
        og at det som en et er på af for med til den de ikke om har fra ved efter mod men skal kan aktie aktier aktien
        overskud omsætning tab stiger falder kvartal år millioner milliarder selskabet udbytte
    """,
    "fi": """
        ja on ei se että oli ovat joka myös mutta kun vuoden vuonna osake osakkeen osakkeet pörssi tulos liikevoitto
        liikevaihto tappio nousi nousee laski laskee miljoonaa miljardia yhtiö yhtiön euroa neljännes osinko jyrkästi
        markkinat kasvoi
    """,
    "pl": """
        i w na z do się nie jest to że o od po za dla przez oraz ale jak spółka spółki akcje akcji giełda zysk strata
        przychody rośnie rosną spada spadają kwartał kwartale rok roku wyniki cena ceny wzrost spadek dywidenda
    """,
    "tr": """
        ve bir bu da için ile çok daha en olarak oldu olan hisse hisseler hisseleri borsa kar zarar yükseldi düştü
        artış milyon milyar lira şirket çeyrek yıl faiz piyasa
    """,  # noqa: RUF001 -- Turkish has a letter i without a dot
    "id": """
        yang dan di ke dari untuk pada dengan ini itu tidak akan adalah dalam juga saham naik turun laba rugi harga
        pasar persen tahun kuartal triliun miliar juta perusahaan hari tajam
    """,
}

# Letters that English does not have, and the languages that do.
LETTERS: Final[dict[str, str]] = {
    "de": "äöüß",
    "fr": "éèêëàâçîïôûùœ",
    "es": "áéíóúñ¿¡",
    "it": "àèéìòù",
    "pt": "ãõáâéêíóôúç",
    "nl": "ëïé",
    "sv": "åäö",
    "da": "æøå",
    "fi": "äö",
    "pl": "ąćęłńóśźż",
    "tr": "çğıöşü",
    "id": "",
}

# The language of a script that one language, or one above all, is written in; by what Unicode calls its letters.
SCRIPTS: Final[dict[str, str]] = {
    "CYRILLIC": "ru",
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "THAI": "th",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
}
