//! What a dialogue says besides the scenario's own sentences, in three languages; a scenario may word each differently.

use std::collections::BTreeMap;

use super::plan::Said;
use crate::call::Language;
use crate::text::markup;

/// One thing that is said. Names in braces are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// The question is asked again in the open.
    AskAgain,
    /// As `AskAgain`, after silence.
    AskAfterSilence,
    /// As `AskAgain`, after noise.
    AskAfterNoise,
    /// After silence, before the question that waits for an answer.
    NotHeard,
    /// The same after noise.
    Noisy,
    /// "Your call is about {label}, is that right?"
    Confirm,
    /// "Is it {first}, or {second}?"
    Choose,
    /// After "no": what is it about then?
    DeniedAskAgain,
    /// Before the choices of the keypad.
    KeypadIntroduction,
    /// "For {label}, press {digit}."
    KeypadChoice,
    /// "To speak to somebody, press 0."
    KeypadHuman,
    /// Asked once of those who want a person: what about?
    HumanReason,
    /// Before a transfer: "I am putting you through to {team}."
    Transfer,
    /// Answer to a greeting that nothing followed.
    Greeted,
    /// After an insult.
    Calm,
    /// The same before the question that waits for an answer.
    CalmBeforeQuestion,
    /// "I speak {languages}", before the question is asked again.
    LanguagesSpoken,
    /// The language is not spoken here.
    OtherLanguage,
    /// A value is read back: "{value}, is that right?"
    ConfirmValue,
    /// A value was not understood.
    ValueAgain,
    /// A value may be keyed in: "… then press the hash key".
    ValueByKeypad,
    /// The same for a day.
    DateByKeypad,
    /// The same for a month.
    MonthByKeypad,
    /// The same for a time of day.
    TimeByKeypad,
    /// The same for a sum of money.
    AmountByKeypad,
    /// The same for a name of a catalogue, by its letters.
    NameByKeypad,
    /// "One moment, I am looking."
    LookingUp,
    /// "Anything else?"
    More,
    /// Answer to a bare "yes" to `More`.
    Listening,
    /// "You also wanted to talk about {label}."
    SecondWish,
    /// The sources of answers cannot be reached.
    Down,
    /// Something on this side broke; said before a transfer.
    Trouble,
    /// Nothing that is known here answers it.
    NotFound,
    /// A sentence that nothing here is for.
    OutOfScope,
    /// Nobody of the teams that are open takes the call.
    NobodyFree,
    /// The end.
    Goodbye,
    /// The end of a call on which nobody speaks.
    GoodbyeSilence,
}

/// Every message with its name in `messages.toml` and its words in French, English and Dutch.
pub const MESSAGES: [(Message, &str, [&str; 3]); 37] = [
    (
        Message::AskAgain,
        "ask_again",
        [
            "Excusez-moi, je n'ai pas bien compris. Dites-moi en une phrase ce que vous souhaitez.",
            "Sorry, I did not quite understand. Please tell me in one sentence what you need.",
            "Sorry, dat heb ik niet goed begrepen. Vertelt u mij in één zin waarvoor u belt.",
        ],
    ),
    (
        Message::AskAfterSilence,
        "ask_after_silence",
        [
            "Je ne vous ai pas entendu. Pour quelle raison appelez-vous ?",
            "I did not hear you. What are you calling about?",
            "Ik heb u niet gehoord. Waarvoor belt u?",
        ],
    ),
    (
        Message::AskAfterNoise,
        "ask_after_noise",
        [
            "Je vous entends mal à cause du bruit. Pouvez-vous répéter en quelques mots ?",
            "It is hard to hear you over the noise. Could you repeat that in a few words?",
            "Ik versta u slecht door het geluid. Kunt u het in een paar woorden herhalen?",
        ],
    ),
    (
        Message::NotHeard,
        "not_heard",
        ["Je ne vous ai pas entendu.", "I did not hear you.", "Ik heb u niet gehoord."],
    ),
    (
        Message::Noisy,
        "noisy",
        [
            "Je vous entends mal à cause du bruit.",
            "It is hard to hear you over the noise.",
            "Ik versta u slecht door het geluid.",
        ],
    ),
    (
        Message::Confirm,
        "confirm",
        [
            "Votre appel concerne {label}, c'est bien cela ?",
            "Your call is about {label}, is that right?",
            "Uw vraag gaat over {label}, klopt dat?",
        ],
    ),
    (
        Message::Choose,
        "choose",
        [
            "Votre appel concerne-t-il plutôt {first}, ou {second} ?",
            "Is your call about {first}, or about {second}?",
            "Gaat uw vraag over {first}, of over {second}?",
        ],
    ),
    (
        Message::DeniedAskAgain,
        "denied_ask_again",
        [
            "D'accord. Dites-moi alors en quelques mots ce que vous souhaitez.",
            "All right. Please tell me in a few words what it is about.",
            "Goed. Vertelt u mij in een paar woorden waar het over gaat.",
        ],
    ),
    (
        Message::KeypadIntroduction,
        "keypad_introduction",
        [
            "Vous pouvez aussi choisir sur le clavier de votre téléphone.",
            "You can also choose on the keypad of your telephone.",
            "U kunt ook kiezen met de toetsen van uw telefoon.",
        ],
    ),
    (
        Message::KeypadChoice,
        "keypad_choice",
        ["Pour {label}, tapez {digit}.", "For {label}, press {digit}.", "Voor {label}, toets {digit}."],
    ),
    (
        Message::KeypadHuman,
        "keypad_human",
        [
            "Pour parler à quelqu'un, tapez zéro.",
            "To speak to somebody, press zero.",
            "Om iemand te spreken, toets nul.",
        ],
    ),
    (
        Message::HumanReason,
        "human_reason",
        [
            "Pour joindre tout de suite la bonne personne, dites-moi en quelques mots le sujet de votre appel.",
            "So that you reach the right person at once, tell me in a few words what it is about.",
            "Om meteen de juiste persoon te bereiken: waar gaat het in een paar woorden over?",
        ],
    ),
    (
        Message::Transfer,
        "transfer",
        [
            "Je vous mets en relation : {team}.",
            "I am putting you through to: {team}.",
            "Ik verbind u door: {team}.",
        ],
    ),
    (
        Message::Calm,
        "calm",
        [
            "Je comprends votre agacement et je veux vous aider. Dites-moi ce qui s'est passé, ou dites « conseiller » pour parler à quelqu'un.",
            "I understand that you are annoyed and I want to help. Tell me what happened, or say \"adviser\" to speak to somebody.",
            "Ik begrijp uw ergernis en ik wil u helpen. Vertel me wat er gebeurd is, of zeg \"medewerker\" om iemand te spreken.",
        ],
    ),
    (
        Message::Greeted,
        "greeted",
        [
            "Bonjour, je vous écoute. Que puis-je faire pour vous ?",
            "Hello, I am listening. What can I do for you?",
            "Goedendag, ik luister. Wat kan ik voor u doen?",
        ],
    ),
    (
        Message::CalmBeforeQuestion,
        "calm_before_question",
        [
            "Je comprends votre agacement et je veux vous aider.",
            "I understand that you are annoyed and I want to help.",
            "Ik begrijp uw ergernis en ik wil u helpen.",
        ],
    ),
    (
        Message::LanguagesSpoken,
        "languages_spoken",
        ["Je parle {languages}.", "I speak {languages}.", "Ik spreek {languages}."],
    ),
    (
        Message::OtherLanguage,
        "other_language",
        ["Je ne parle pas votre langue.", "I do not speak your language.", "Ik spreek uw taal niet."],
    ),
    (
        Message::ConfirmValue,
        "confirm_value",
        [
            "J'ai noté {value}. C'est bien cela ?",
            "I have {value}. Is that right?",
            "Ik heb {value} genoteerd. Klopt dat?",
        ],
    ),
    (
        Message::ValueAgain,
        "value_again",
        [
            "Excusez-moi, je n'ai pas bien noté.",
            "Sorry, I did not catch that.",
            "Sorry, dat heb ik niet goed verstaan.",
        ],
    ),
    (
        Message::ValueByKeypad,
        "value_by_keypad",
        [
            "Vous pouvez aussi le taper sur votre clavier, suivi de la touche dièse.",
            "You can also key it in, followed by the hash key.",
            "U kunt het ook intoetsen, gevolgd door het hekje.",
        ],
    ),
    (
        Message::DateByKeypad,
        "date_by_keypad",
        [
            "Vous pouvez aussi taper le jour, le mois et l'année sur votre clavier, suivis de la touche dièse.",
            "You can also key in the day, the month and the year, followed by the hash key.",
            "U kunt ook de dag, de maand en het jaar intoetsen, gevolgd door het hekje.",
        ],
    ),
    (
        Message::MonthByKeypad,
        "month_by_keypad",
        [
            "Vous pouvez aussi taper le numéro du mois et l'année sur votre clavier, suivis de la touche dièse.",
            "You can also key in the number of the month and the year, followed by the hash key.",
            "U kunt ook het nummer van de maand en het jaar intoetsen, gevolgd door het hekje.",
        ],
    ),
    (
        Message::TimeByKeypad,
        "time_by_keypad",
        [
            "Vous pouvez aussi taper l'heure et les minutes sur votre clavier, suivies de la touche dièse.",
            "You can also key in the hours and the minutes, followed by the hash key.",
            "U kunt ook de uren en de minuten intoetsen, gevolgd door het hekje.",
        ],
    ),
    (
        Message::AmountByKeypad,
        "amount_by_keypad",
        [
            "Vous pouvez aussi taper le montant sur votre clavier, l'étoile pour la virgule, puis la touche dièse.",
            "You can also key in the amount, with the star as the decimal point, followed by the hash key.",
            "U kunt ook het bedrag intoetsen, met het sterretje als komma, gevolgd door het hekje.",
        ],
    ),
    (
        Message::NameByKeypad,
        "name_by_keypad",
        [
            "Vous pouvez aussi taper les premières lettres du nom sur votre clavier, suivies de la touche dièse.",
            "You can also key in the first letters of the name, followed by the hash key.",
            "U kunt ook de eerste letters van de naam intoetsen, gevolgd door het hekje.",
        ],
    ),
    (
        Message::LookingUp,
        "looking_up",
        ["Un instant, je regarde.", "One moment, I am looking.", "Een ogenblik, ik kijk het na."],
    ),
    (
        Message::More,
        "more",
        [
            "Puis-je faire autre chose pour vous ?",
            "Is there anything else I can do for you?",
            "Kan ik nog iets anders voor u doen?",
        ],
    ),
    (Message::Listening, "listening", ["Je vous écoute.", "I am listening.", "Ik luister."]),
    (
        Message::SecondWish,
        "second_wish",
        [
            "Vous vouliez aussi me parler d'un autre sujet : {label}.",
            "You also wanted to talk about: {label}.",
            "U had nog een vraag over: {label}.",
        ],
    ),
    (
        Message::Down,
        "down",
        [
            "Je ne peux pas consulter cette information pour le moment, je vous prie de m'en excuser.",
            "I cannot look that up at the moment, I am sorry.",
            "Dat kan ik op dit moment niet opzoeken, mijn excuses.",
        ],
    ),
    (
        Message::Trouble,
        "trouble",
        [
            "Excusez-moi, je rencontre un problème technique.",
            "I am sorry, I have a technical problem.",
            "Mijn excuses, er is een technisch probleem.",
        ],
    ),
    (
        Message::NotFound,
        "not_found",
        [
            "Je ne trouve pas cette information.",
            "I cannot find that information.",
            "Die informatie kan ik niet vinden.",
        ],
    ),
    (
        Message::OutOfScope,
        "out_of_scope",
        [
            "Je ne peux pas vous aider sur ce sujet. Avez-vous une autre demande ?",
            "I cannot help you with that. Is there something else?",
            "Daarmee kan ik u niet helpen. Hebt u een andere vraag?",
        ],
    ),
    (
        Message::NobodyFree,
        "nobody_free",
        [
            "Personne n'est libre pour vous répondre en ce moment. Merci de rappeler un peu plus tard.",
            "Nobody is free to take your call at the moment. Please call again a little later.",
            "Er is op dit moment niemand vrij om u te woord te staan. Belt u later nog eens.",
        ],
    ),
    (
        Message::Goodbye,
        "goodbye",
        [
            "Merci de votre appel, au revoir.",
            "Thank you for calling, goodbye.",
            "Bedankt voor het bellen, tot ziens.",
        ],
    ),
    (
        Message::GoodbyeSilence,
        "goodbye_silence",
        [
            "Je ne vous entends pas. N'hésitez pas à rappeler, au revoir.",
            "I cannot hear you. Please feel free to call again, goodbye.",
            "Ik hoor u niet. U kunt gerust terugbellen, tot ziens.",
        ],
    ),
];

/// The words of every message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages(BTreeMap<Message, Said<String>>);

impl Default for Messages {
    fn default() -> Self {
        let words = |texts: [&str; 3]| {
            [Language::Fr, Language::En, Language::Nl].into_iter().zip(texts.map(str::to_owned)).collect()
        };
        Self(MESSAGES.iter().map(|(message, _, texts)| (*message, words(*texts))).collect())
    }
}

impl Messages {
    /// Words `message` differently in `language`.
    pub fn set(&mut self, message: Message, language: Language, text: String) {
        self.0.entry(message).or_default().insert(language, text);
    }

    /// `message` in `language` with each `{name}` of `values` filled in; as text where the message is markup.
    pub fn say(&self, message: Message, language: Language, values: &[(&str, &str)]) -> String {
        let text = self.0.get(&message).and_then(|said| said.get(&language)).cloned().unwrap_or_default();
        if !markup::is_markup(&text) {
            return fill(&text, values);
        }
        let escaped: Vec<(&str, String)> =
            values.iter().map(|(name, value)| (*name, markup::escaped(value))).collect();
        let values: Vec<(&str, &str)> = escaped.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fill(&text, &values)
    }
}

/// Fills in each `{name}` once, from left to right: a value that itself holds braces is not looked at again.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let found = values.iter().find_map(|(name, value)| {
            Some((rest.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?, value))
        });
        match found {
            Some((after, value)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The message with this name in `messages.toml`, and the names that its words must hold.
pub fn by_name(name: &str) -> Option<(Message, Vec<&'static str>)> {
    let (message, _, texts) = MESSAGES.iter().find(|(_, key, _)| *key == name)?;
    let names = texts[0].split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
    Some((*message, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_the_same_places_in_every_language() {
        for (message, name, texts) in MESSAGES {
            let places = |text: &str| -> std::collections::BTreeSet<String> {
                text.split('{')
                    .skip(1)
                    .map(|part| part.split('}').next().unwrap_or_default().to_owned())
                    .collect()
            };
            assert_eq!(places(texts[0]), places(texts[1]), "{name}");
            assert_eq!(places(texts[0]), places(texts[2]), "{name}");
            assert_eq!(by_name(name).map(|found| found.0), Some(message));
        }
    }

    #[test]
    fn a_value_in_markup_is_text() {
        let mut messages = Messages::default();
        let text = "<speak>{value} ?</speak>".to_owned();
        messages.set(Message::ConfirmValue, Language::Fr, text);
        let said = messages.say(Message::ConfirmValue, Language::Fr, &[("value", "Dupont & Fils")]);
        assert_eq!(said, "<speak>Dupont &amp; Fils ?</speak>");
        assert!(markup::parse(&said).is_ok());
    }

    #[test]
    fn values_are_filled_in_once() {
        let said = fill("{a} ou {b}, {c}", &[("a", "{b}"), ("b", "x")]);
        assert_eq!(said, "{b} ou x, {c}");
    }
}
