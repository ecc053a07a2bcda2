//! Words of the three languages that tell something about the end of a turn; folded, as tokens.

use crate::call::Language;

/// Word lists of one language.
pub(super) struct Lists {
    /// Said while another speaks; a yes when something was asked.
    pub(super) listening: &'static [&'static str],
    /// Yes and no beyond those.
    pub(super) answers: &'static [&'static str],
    /// Said around an answer.
    pub(super) courtesies: &'static [&'static str],
    /// Greetings, thanks and acknowledgements; a turn made of these alone mostly goes on.
    pub(super) openings: &'static [&'static str],
    /// Said last.
    pub(super) farewells: &'static [&'static str],
    /// Words that ask for another behind them.
    pub(super) unfinished: &'static [&'static str],
    /// Said behind a value that was asked for, when all of it was said.
    pub(super) closings: &'static [&'static [&'static str]],
}

/// Ends of addresses by which one is known that nothing else tells of.
pub(super) const DOMAINS: &[&str] =
    &["be", "ca", "ch", "co", "com", "de", "eu", "fr", "info", "io", "lu", "net", "nl", "org", "uk"];

pub(super) const fn of(language: Language) -> &'static Lists {
    match language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
        Language::Nl => &DUTCH,
    }
}

const FRENCH: Lists = Lists {
    listening: &[
        "oui", "ouais", "ok", "okay", "d'", "accord", "dac", "hm", "hmm", "mm", "mmh", "mhm", "hum", "ah",
        "oh", "han", "bien", "voila",
    ],
    answers: &[
        "non",
        "si",
        "exact",
        "exactement",
        "tout",
        "a",
        "fait",
        "sur",
        "c'",
        "est",
        "ca",
        "pas",
        "du",
    ],
    courtesies: &[
        "merci", "s'", "il", "vous", "plait", "svp", "monsieur", "madame", "beaucoup", "tres", "bien",
    ],
    openings: &[
        "allo",
        "bonjour",
        "bonsoir",
        "bon",
        "alors",
        "parfait",
        "entendu",
        "note",
        "super",
        "mince",
        "comprends",
        "je",
        "vois",
        "c'",
        "est",
        "juste",
        "attendez",
        "patientez",
        "un",
        "instant",
        "moment",
        "ben",
        "bah",
        "eh",
        "excusez",
        "moi",
        "pardon",
        "d'",
        "avoir",
        "patiente",
        "genial",
        "aussi",
        "a",
    ],
    farewells: &["revoir", "journee", "soiree", "bientot", "ciao", "salut"],
    unfinished: &[
        "euh", "heu", "hein", "et", "ou", "mais", "donc", "car", "parce", "que", "qui", "dont", "quand",
        "si", "comme", "puis", "alors", "le", "la", "les", "l'", "un", "une", "des", "du", "de", "d'", "au",
        "aux", "a", "en", "dans", "sur", "sous", "pour", "par", "avec", "sans", "chez", "vers", "mon", "ma",
        "mes", "ton", "ta", "tes", "son", "sa", "ses", "notre", "nos", "votre", "vos", "leur", "leurs", "ce",
        "cet", "cette", "ces", "je", "j'", "tu", "il", "elle", "on", "ils", "elles", "qu'", "n'", "m'", "t'",
        "s'", "c'", "ne", "est", "suis", "ai", "tres", "plus", "numero", "arobase", "tiret", "point",
    ],
    closings: &[
        &["voila"],
        &["merci"],
        &["merci", "beaucoup"],
        &["s'", "il", "vous", "plait"],
        &["svp"],
        &["c'", "est", "ca"],
        &["c'", "est", "tout"],
        &["monsieur"],
        &["madame"],
    ],
};

const ENGLISH: Lists = Lists {
    listening: &[
        "yes", "yeah", "yep", "yup", "ok", "okay", "right", "alright", "hm", "hmm", "mm", "mhm", "uh", "huh",
        "aha", "ah", "oh", "sure", "i", "see",
    ],
    answers: &["no", "nope", "nah", "correct", "exactly", "absolutely", "that's", "that", "is", "it", "not"],
    courtesies: &["please", "thanks", "thank", "you", "sir", "madam", "very", "much", "a", "lot"],
    openings: &[
        "hello",
        "hi",
        "hey",
        "good",
        "morning",
        "afternoon",
        "evening",
        "well",
        "great",
        "perfect",
        "fine",
        "understand",
        "moment",
        "one",
        "hold",
        "on",
        "sorry",
        "of",
        "course",
        "so",
        "fair",
        "enough",
        "are",
        "welcome",
        "for",
        "waiting",
        "excuse",
        "me",
        "the",
    ],
    farewells: &["bye", "goodbye", "day", "cheers"],
    unfinished: &[
        "um", "uh", "er", "erm", "and", "or", "but", "because", "so", "if", "when", "while", "that", "which",
        "who", "whose", "than", "the", "a", "an", "to", "of", "in", "at", "by", "for", "from", "with",
        "without", "into", "about", "my", "your", "his", "her", "its", "our", "their", "i", "we", "they",
        "he", "she", "i'm", "i've", "it's", "is", "are", "am", "was", "were", "be", "will", "would", "could",
        "can", "very", "number", "dot", "dash", "i'd", "like", "this", "these",
    ],
    closings: &[
        &["that's", "it"],
        &["that", "is", "it"],
        &["that's", "all"],
        &["thanks"],
        &["thanks", "a", "lot"],
        &["thank", "you"],
        &["thank", "you", "very", "much"],
        &["please"],
        &["sir"],
        &["madam"],
    ],
};

const DUTCH: Lists = Lists {
    listening: &[
        "ja", "jawel", "ok", "oke", "okay", "hm", "hmm", "mm", "mhm", "aha", "ah", "oh", "goed", "prima",
        "precies", "juist",
    ],
    answers: &["nee", "neen", "klopt", "dat", "het", "inderdaad", "niet", "zeker"],
    courtesies: &["alstublieft", "alsjeblieft", "dank", "u", "je", "wel", "bedankt", "meneer", "mevrouw"],
    openings: &[
        "hallo",
        "goedemorgen",
        "goedemiddag",
        "goedenavond",
        "goedendag",
        "dag",
        "nou",
        "mooi",
        "fijn",
        "begrijp",
        "ik",
        "snap",
        "een",
        "moment",
        "ogenblik",
        "sorry",
        "heel",
        "voor",
        "wachten",
        "vervelend",
        "is",
        "natuurlijk",
    ],
    farewells: &["ziens", "doei", "doeg", "dag", "horens"],
    unfinished: &[
        "eh", "uh", "ehm", "uhm", "en", "of", "maar", "want", "omdat", "dus", "als", "dat", "die", "wat",
        "wie", "toen", "de", "het", "een", "van", "in", "op", "aan", "bij", "met", "zonder", "voor", "naar",
        "om", "te", "tot", "uit", "over", "mijn", "jouw", "uw", "zijn", "haar", "ons", "onze", "hun", "ik",
        "jij", "hij", "zij", "ze", "wij", "we", "is", "ben", "heb", "heeft", "er", "zo", "zo'n", "deze",
        "dit", "nummer", "punt", "streepje", "'n", "'t", "'s",
    ],
    closings: &[
        &["dank", "u"],
        &["dank", "u", "wel"],
        &["dank", "je"],
        &["dank", "je", "wel"],
        &["bedankt"],
        &["alstublieft"],
        &["alsjeblieft"],
        &["dat", "is", "het"],
        &["dat", "was", "het"],
        &["dat", "is", "alles"],
        &["voila"],
        &["meneer"],
        &["mevrouw"],
    ],
};
