//! Sentences that are about the conversation itself: hello, say it again, goodbye, an insult.

use crate::call::Language;
use crate::text::fold;

/// What a sentence is, when it is about the conversation itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attitude {
    /// "Allô, bonjour ?" and nothing more: the caller waits to be asked.
    Greeting,
    /// "Pardon ?": the last words are said again.
    Repeat,
    /// "Merci, au revoir": the caller is leaving, whatever was asked.
    Goodbye,
    /// "C'est tout": an answer to whether there is anything else; elsewhere it may end any answer.
    Done,
    /// The caller is being rude.
    Insult,
}

/// A request to repeat is short: with more words the sentence carries something else.
const REPEAT_WORDS_MAX: usize = 7;
/// As [`REPEAT_WORDS_MAX`], for a goodbye and for who is done.
const GOODBYE_WORDS_MAX: usize = 8;

/// Words or phrases of each language.
type Phrases = [(Language, &'static [&'static str]); 3];

/// Words that greet, folded.
const GREETING: Phrases = [
    (Language::Fr, &["bonjour", "rebonjour", "bonsoir", "allo", "salut", "coucou"]),
    (Language::En, &["hello", "hi", "hey", "morning", "afternoon", "evening"]),
    (
        Language::Nl,
        &["hallo", "hoi", "dag", "goedendag", "goedemorgen", "goedemiddag", "goedenavond", "goede", "goeie"],
    ),
];

/// Words that stand beside a greeting and say nothing more: "il y a quelqu'un ?", "can you hear me?".
const BESIDE_A_GREETING: Phrases = [
    (
        Language::Fr,
        &[
            "madame",
            "monsieur",
            "mademoiselle",
            "messieurs",
            "mesdames",
            "oui",
            "euh",
            "il",
            "y",
            "a",
            "quelqu",
            "un",
            "est",
            "ce",
            "que",
            "vous",
            "m",
            "entendez",
            "etes",
            "la",
        ],
    ),
    (
        Language::En,
        &[
            "good", "there", "sir", "madam", "yes", "uh", "is", "anybody", "anyone", "can", "you", "hear",
            "me",
        ],
    ),
    (
        Language::Nl,
        &[
            "morgen", "middag", "avond", "meneer", "mevrouw", "ja", "eh", "is", "daar", "er", "iemand",
            "hoort", "u", "mij", "kunt", "horen",
        ],
    ),
];

/// Words of courtesy that stand beside an answer, folded.
const COURTESY: Phrases = [
    (
        Language::Fr,
        &["merci", "beaucoup", "bien", "madame", "monsieur", "mademoiselle", "s", "il", "vous", "plait"],
    ),
    (Language::En, &["thank", "thanks", "you", "very", "much", "please", "sir", "madam"]),
    (Language::Nl, &["dank", "bedankt", "je", "u", "wel", "alstublieft", "alsjeblieft", "meneer", "mevrouw"]),
];

/// Folded, as whole words.
const REPEAT: Phrases = [
    (
        Language::Fr,
        &[
            "repeter",
            "repetez",
            "redire",
            "redites",
            "pas entendu",
            "pas compris",
            "plus fort",
            "vous dites",
            "vous avez dit",
            "pardon",
            "comment ca",
        ],
    ),
    (
        Language::En,
        &[
            "repeat",
            "say that again",
            "say again",
            "pardon",
            "come again",
            "did not hear",
            "didn t hear",
            "louder",
        ],
    ),
    (
        Language::Nl,
        &[
            "herhalen",
            "nog een keer",
            "niet verstaan",
            "niet gehoord",
            "wat zegt u",
            "wablief",
            "pardon",
            "harder",
        ],
    ),
];

const GOODBYE: Phrases = [
    (Language::Fr, &["au revoir", "bonne journee", "bonne soiree"]),
    (Language::En, &["goodbye", "bye", "have a nice day"]),
    (Language::Nl, &["tot ziens", "dag hoor", "fijne dag", "doei"]),
];

const DONE: Phrases = [
    (Language::Fr, &["ce sera tout", "c est tout", "ca ira merci", "rien d autre"]),
    (Language::En, &["that s all", "that is all", "nothing else"]),
    (Language::Nl, &["dat was alles", "dat is alles", "niets meer"]),
];

/// Words that are rude whatever stands around them.
const INSULT: Phrases = [
    (
        Language::Fr,
        &[
            "connard",
            "connards",
            "connasse",
            "salaud",
            "salauds",
            "salope",
            "encule",
            "encules",
            "enfoire",
            "enfoires",
            "ta gueule",
            "vos gueules",
            "va te faire",
            "allez vous faire",
            "fils de pute",
            "bande de nuls",
            "bande d incapables",
            "abruti",
            "abrutis",
            "cretin",
            "cretins",
            "bande de voleurs",
            "pauvre con",
        ],
    ),
    (
        Language::En,
        &[
            "fuck",
            "fucking",
            "asshole",
            "assholes",
            "bastard",
            "bastards",
            "bullshit",
            "piss off",
            "idiots",
            "morons",
            "shut up",
            "stupid machine",
            "wanker",
        ],
    ),
    (
        Language::Nl,
        &[
            "klootzak",
            "klootzakken",
            "eikel",
            "eikels",
            "kut",
            "kutbedrijf",
            "hou je bek",
            "oplichters",
            "idioten",
            "godverdomme",
            "tyfus",
            "rot op",
        ],
    ),
];

/// The words of `text`, folded, each with a blank on both sides: what is looked for in it is never a part of a word.
fn line(text: &str) -> String {
    let folded = fold(text);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    format!(" {} ", words.collect::<Vec<_>>().join(" "))
}

fn in_language(phrases: &Phrases, language: Language) -> &'static [&'static str] {
    phrases.iter().find(|(of, _)| *of == language).map_or(&[], |(_, list)| list)
}

/// What `text` is; `None` for an ordinary sentence.
pub fn attitude(text: &str, language: Language) -> Option<Attitude> {
    let line = line(text);
    let words = line.split_whitespace().count();
    let says = |phrases: &Phrases| {
        in_language(phrases, language).iter().any(|phrase| line.contains(&format!(" {phrase} ")))
    };
    if greets(&line, language) {
        Some(Attitude::Greeting)
    } else if says(&INSULT) {
        Some(Attitude::Insult)
    } else if words <= REPEAT_WORDS_MAX && says(&REPEAT) {
        Some(Attitude::Repeat)
    } else if words <= GOODBYE_WORDS_MAX && says(&GOODBYE) {
        Some(Attitude::Goodbye)
    } else if words <= GOODBYE_WORDS_MAX && says(&DONE) {
        Some(Attitude::Done)
    } else {
        None
    }
}

/// Whether there is nothing but words of courtesy in a text, or no word at all.
pub fn is_courteous(text: &str, language: Language) -> bool {
    line(text).split_whitespace().all(|word| in_language(&COURTESY, language).contains(&word))
}

/// Whether a line is a greeting and nothing else.
fn greets(line: &str, language: Language) -> bool {
    let (greeting, beside) = (in_language(&GREETING, language), in_language(&BESIDE_A_GREETING, language));
    line.split_whitespace().any(|word| greeting.contains(&word))
        && line.split_whitespace().all(|word| greeting.contains(&word) || beside.contains(&word))
}

/// Words that stand beside a place and say nothing more.
const BESIDE_A_PLACE: Phrases = [
    (
        Language::Fr,
        &[
            "le",
            "la",
            "l",
            "c",
            "ce",
            "est",
            "serait",
            "plutot",
            "euh",
            "donc",
            "alors",
            "oui",
            "bon",
            "je",
            "veux",
            "voudrais",
            "prends",
            "choisis",
            "dirais",
            "pour",
            "option",
            "choix",
            "proposition",
            "cas",
            "s",
            "il",
            "vous",
            "plait",
            "merci",
        ],
    ),
    (
        Language::En,
        &[
            "the", "one", "it", "s", "is", "i", "d", "would", "want", "like", "say", "take", "choose",
            "rather", "uh", "well", "yes", "option", "choice", "please", "thanks",
        ],
    ),
    (
        Language::Nl,
        &[
            "de",
            "het",
            "is",
            "dat",
            "eh",
            "nou",
            "ja",
            "ik",
            "wil",
            "graag",
            "neem",
            "kies",
            "doe",
            "maar",
            "liever",
            "optie",
            "keuze",
            "voor",
            "alstublieft",
            "bedankt",
        ],
    ),
];

/// Which of two was chosen by its place: "le premier", "the second one", "de tweede". A sentence that says anything else
/// ("ma dernière facture", "une seconde", "pas le premier") names no place.
pub fn ordinal(text: &str, language: Language) -> Option<usize> {
    let folded = fold(text);
    let (first, second): (&[&str], &[&str]) = match language {
        Language::Fr => (&["premier", "premiere"], &["second", "seconde", "deuxieme", "dernier", "derniere"]),
        Language::En => (&["first", "former"], &["second", "latter", "last"]),
        Language::Nl => (&["eerste"], &["tweede", "laatste"]),
    };
    let beside = in_language(&BESIDE_A_PLACE, language);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut place = None;
    for word in words.filter(|word| !beside.contains(word)) {
        let named = match (first.contains(&word), second.contains(&word)) {
            (true, _) => 0,
            (_, true) => 1,
            _ => return None,
        };
        if place.replace(named).is_some_and(|before| before != named) {
            return None;
        }
    }
    place
}

/// Whether it says that none of what was offered is right.
pub fn is_neither(text: &str, language: Language) -> bool {
    let line = line(text);
    let phrases: &[&str] = match language {
        Language::Fr => &["ni", "aucun des deux", "aucune des deux", "autre chose", "rien de tout"],
        Language::En => &["neither", "none of", "something else"],
        Language::Nl => &["geen van", "iets anders"],
    };
    phrases.iter().any(|phrase| line.contains(&format!(" {phrase} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_about_the_conversation_are_told_from_others() {
        for (text, language, expected) in [
            ("Pardon, vous pouvez répéter ?", Language::Fr, Some(Attitude::Repeat)),
            ("Je n'ai pas compris ma facture de mars, elle est trop élevée", Language::Fr, None),
            ("Non merci, au revoir", Language::Fr, Some(Attitude::Goodbye)),
            ("Bande d'incapables !", Language::Fr, Some(Attitude::Insult)),
            ("Could you say that again?", Language::En, Some(Attitude::Repeat)),
            ("Nee dank u, dat was alles", Language::Nl, Some(Attitude::Done)),
            ("C'est tout, au revoir", Language::Fr, Some(Attitude::Goodbye)),
            ("Je voudrais une copie de ma facture", Language::Fr, None),
            ("Constance Abrutin à l'appareil", Language::Fr, None),
            ("Allô, oui, bonjour madame !", Language::Fr, Some(Attitude::Greeting)),
            ("Allô ? Il y a quelqu'un ? Vous m'entendez ?", Language::Fr, Some(Attitude::Greeting)),
            ("Good morning", Language::En, Some(Attitude::Greeting)),
            ("Goedemiddag mevrouw", Language::Nl, Some(Attitude::Greeting)),
            ("Goede morgen", Language::Nl, Some(Attitude::Greeting)),
            ("Morgen", Language::Nl, None),
            ("Bonjour, ma facture", Language::Fr, None),
            ("Allô, maman, c'est toi ?", Language::Fr, None),
            ("Il y a quelqu'un ?", Language::Fr, None),
            ("Dag hoor", Language::Nl, Some(Attitude::Goodbye)),
        ] {
            assert_eq!(attitude(text, language), expected, "{text}");
        }
    }

    #[test]
    fn places_are_understood() {
        assert_eq!(ordinal("plutôt le deuxième", Language::Fr), Some(1));
        assert_eq!(ordinal("the first one", Language::En), Some(0));
        assert_eq!(ordinal("C'est la seconde, s'il vous plaît", Language::Fr), Some(1));
        assert_eq!(ordinal("de tweede graag", Language::Nl), Some(1));
        for (text, language) in [
            ("ma facture", Language::Fr),
            ("Ma dernière facture", Language::Fr),
            ("une seconde", Language::Fr),
            ("pas le premier", Language::Fr),
            ("le premier ou le deuxième", Language::Fr),
            ("my last bill", Language::En),
            ("not the first one", Language::En),
            ("mijn laatste factuur", Language::Nl),
        ] {
            assert_eq!(ordinal(text, language), None, "{text}");
        }
        for (text, language) in [
            ("ni l'un ni l'autre", Language::Fr),
            ("aucune des deux, merci", Language::Fr),
            ("none of these", Language::En),
            ("geen van beide", Language::Nl),
        ] {
            assert!(is_neither(text, language), "{text}");
        }
        for text in ["j'ai fini de payer", "l'opérateur a fourni la box"] {
            assert!(!is_neither(text, Language::Fr), "{text}");
        }
    }
}
