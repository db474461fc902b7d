"""Meta's error codes by what can be done about them (Graph API error reference, September 2026)."""

TRANSIENT = frozenset({2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004})
# Token, payment, policy, registration: nobody gets an answer until someone acts. A template that Meta does not know,
# or that wants other parameters, is config/school.toml against WhatsApp Manager: that is a person's work too.
OPERATOR = frozenset(
    {0, 3, 10, 33, 190, 368, 130497, 131005, 131031, 131037, 131042, 131045, 134011}
    | {132000, 132001, 132005, 132007, 132012, 132015, 132016}
    | {133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016}
    | set(range(200, 300))
)
# No WhatsApp, 24 hours over, blocked, opted out: this person cannot be reached.
PERSON = frozenset({130403, 130472, 131021, 131026, 131030, 131047, 131049, 131050, 131062, 131063})
TOKEN = frozenset({0, 190})
WINDOW_CLOSED = 131047  # more than 24 hours since the person last wrote
