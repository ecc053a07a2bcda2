//! Who calls: seven kinds of callers, who do what chance says. The same seed gives the same caller.

use crate::call::{IntentScore, Language};
use crate::dialog::{Certainty, Expect, Input, Sentence, Wish};
use crate::intent::{Band, Example, Ranking};
use crate::slots::Kind;

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    /// Says nothing.
    Silent,
    /// Stands in noise.
    Noisy,
    /// Presses keys and says nothing.
    Keypad,
    /// Insults, says no, wants to hear it again.
    Hostile,
    /// Wants something else each time, and corrects what was understood.
    Changing,
    /// Answers what is asked, mostly.
    Cooperative,
    /// Does anything; and the system breaks now and then.
    Random,
}

impl Persona {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Silent,
        Self::Noisy,
        Self::Keypad,
        Self::Hostile,
        Self::Changing,
        Self::Cooperative,
        Self::Random,
    ];

    /// One word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Noisy => "noisy",
            Self::Keypad => "keypad",
            Self::Hostile => "hostile",
            Self::Changing => "changing",
            Self::Cooperative => "cooperative",
            Self::Random => "random",
        }
    }
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`; 0 where there is none.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.draw() % count.max(1) as u64) as usize
    }

    /// True once in `count` times.
    pub(super) fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of `list`, which has at least one.
    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Evenly spread in [0, 1).
    fn unit(&mut self) -> f32 {
        (self.draw() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// The same in French, English and Dutch.
type Words = [&'static str; 3];

const YES: Words = ["oui", "yes", "ja"];
const NO: Words = ["non", "no", "nee"];
const NO_THANKS: Words = ["non merci", "no thank you", "nee dank u"];
const FIRST: Words = ["le premier", "the first one", "de eerste"];
const PARDON: Words = ["pardon ?", "pardon?", "pardon?"];
const RATHER: Words = ["non, plutôt", "no, rather", "nee, liever"];
const INSULTS: [Words; 2] = [
    ["bande d'incapables", "you are all idiots", "stelletje oplichters"],
    ["connard", "stupid machine", "hou je bek"],
];
const DAYS: [Words; 2] = [
    ["le quinze septembre", "the fifteenth of September", "vijftien september"],
    ["le trois mars", "the third of March", "drie maart"],
];
const MONTHS: [Words; 2] = [["mars", "March", "maart"], ["le mois dernier", "last month", "vorige maand"]];
const TIMES: Words = ["quatorze heures trente", "half past two", "half drie"];
const SUMS: Words = ["quarante-deux euros", "forty-two euros", "tweeënveertig euro"];

/// What people say in answer to a question, of whatever kind, in all languages.
const ANSWERS: [&str; 25] = [
    "oui",
    "non",
    "non merci",
    "s'il vous plaît",
    "le deuxième",
    "ni l'un ni l'autre",
    "allô ?",
    "pardon ?",
    "au revoir",
    "bande d'incapables",
    "40 71 00 19",
    "7120458",
    "44970",
    "à Lille",
    "la Velmoxine",
    "mars de l'année dernière",
    "non, c'est le quatorze",
    "euh",
    "",
    "yes please",
    "no",
    "my last bill",
    "ja hoor",
    "nee dank u",
    "goede morgen",
];

const BANDS: [Band; 5] = [Band::Sure, Band::Nearly, Band::TwoCandidates, Band::Lost, Band::OutOfScope];

/// What callers can say of a scenario.
#[derive(Debug)]
pub(super) struct Repertoire<'s> {
    /// Never empty: every intent of a scenario has one.
    pub(super) examples: &'s [Example],
    /// Those of intents that are answered without a person, who are few in most scenarios.
    pub(super) answered: Vec<&'s Example>,
    pub(super) intents: Vec<&'s str>,
    /// Names of its catalogues.
    pub(super) names: Vec<String>,
}

/// One caller.
pub(super) struct Caller<'r, 's> {
    repertoire: &'r Repertoire<'s>,
    persona: Persona,
    pub(super) chance: Chance,
    /// Keys that are still to be pressed, the last one first.
    keys: Vec<char>,
}

impl<'r, 's> Caller<'r, 's> {
    pub(super) fn new(repertoire: &'r Repertoire<'s>, persona: Persona, seed: u64) -> Self {
        // Two kinds of callers with one seed do not call at the same moment.
        let own = seed.wrapping_mul(Persona::ALL.len() as u64).wrapping_add(persona as u64);
        Self { repertoire, persona, chance: Chance::new(own), keys: Vec::new() }
    }

    /// What the caller does where `expect` is expected and `language` is spoken.
    pub(super) fn does(&mut self, expect: Expect, language: Language) -> Input {
        if let Some(key) = self.keys.pop() {
            return Input::Key(key.into());
        }
        match self.persona {
            Persona::Silent => Input::Silence,
            Persona::Noisy => Input::Noise,
            Persona::Keypad => self.key(),
            Persona::Hostile => self.hostile(language),
            Persona::Changing => self.changing(expect, language),
            Persona::Cooperative => self.cooperative(expect, language),
            Persona::Random => self.anything(),
        }
    }

    /// Seldom 0, which leads to a person at once.
    fn key(&mut self) -> Input {
        let keys = ['1', '1', '1', '2', '2', '2', '3', '4', '5', '6', '7', '8', '9', '0', '#', '*'];
        Input::Key(self.chance.of(&keys).into())
    }

    fn hostile(&mut self, language: Language) -> Input {
        match self.chance.below(9) {
            0..=2 => {
                let words = self.chance.of(&INSULTS);
                self.answers(words, language)
            }
            // An insult with a wish beside it.
            3 => {
                let (insult, band) =
                    (in_language(self.chance.of(&INSULTS), language), self.chance.of(&BANDS));
                let example = self.example(language);
                let text = format!("{insult} {}", example.text);
                self.sentence((&text, language), (band, &example.intent))
            }
            4 | 5 => self.answers(NO, language),
            6 => self.answers(PARDON, language),
            7 => self.key(),
            _ => Input::Silence,
        }
    }

    fn changing(&mut self, expect: Expect, language: Language) -> Input {
        match (expect, self.chance.below(4)) {
            (Expect::Value(kind), 0 | 1) => self.value(kind, language),
            // What is read back is not what was meant.
            (Expect::YesNo, 0) => {
                let number = self.digits(7);
                let text = format!("{} {number}", in_language(NO, language));
                self.mumbles(&text, language)
            }
            (Expect::YesNo | Expect::Choice, 1) => {
                let example = self.example(language);
                let text = format!("{} {}", in_language(RATHER, language), example.text);
                let band = self.understood();
                self.sentence((&text, language), (band, &example.intent))
            }
            (Expect::YesNo, 2) => self.answers(NO, language),
            (Expect::Wish | Expect::Choice | Expect::YesNo | Expect::Value(_), _) => self.wish(language),
        }
    }

    fn cooperative(&mut self, expect: Expect, language: Language) -> Input {
        if self.chance.once_in(12) {
            return Input::Silence;
        }
        match expect {
            Expect::Wish if self.chance.once_in(3) => self.answers(NO_THANKS, language),
            Expect::Wish => self.wish(language),
            Expect::YesNo if self.chance.once_in(5) => self.answers(NO, language),
            Expect::YesNo => self.answers(YES, language),
            Expect::Choice if self.chance.once_in(2) => self.answers(FIRST, language),
            Expect::Choice => Input::Key(self.chance.of(&['1', '2']).into()),
            Expect::Value(Kind::Reference(shape)) if self.chance.once_in(3) => {
                // Keyed in, with the hash key behind it.
                self.keys = self.digits(shape.characters_min.into()).chars().rev().collect();
                self.keys.insert(0, '#');
                self.does(expect, language)
            }
            Expect::Value(kind) => self.value(kind, language),
        }
    }

    fn anything(&mut self) -> Input {
        match self.chance.below(54) {
            0..=11 => {
                let example = self.repertoire.example(&mut self.chance);
                let band = self.understood();
                self.sentence((&example.text, example.language), (band, &example.intent))
            }
            12..=27 => {
                let (text, language) = (self.chance.of(&ANSWERS), self.chance.of(&Language::ALL));
                let (band, intent) = (self.chance.of(&BANDS), self.intent());
                self.sentence((text, language), (band, intent))
            }
            28..=39 => self.key(),
            40..=46 => Input::Silence,
            47..=51 => Input::Noise,
            52 => Input::OtherLanguage,
            _ => Input::Failed,
        }
    }

    /// A wish, and now and then a second one behind it.
    fn wish(&mut self, language: Language) -> Input {
        let (first, second) = (self.example(language), self.example(language));
        let mut wishes = vec![self.wished(&first.intent)];
        let mut text = first.text.clone();
        if self.chance.once_in(6) {
            text = format!("{text}, {}", second.text);
            wishes.push(self.wished(&second.intent));
        }
        let certainty = Certainty::default();
        Input::Sentence(Sentence { text: text.into(), language, wishes, certainty, is_foreign: false })
    }

    fn wished(&mut self, intent: &str) -> Wish {
        let band = self.understood();
        self.ranked(band, intent)
    }

    /// A value of this kind, in words or figures; what is not understood is asked for anew.
    fn value(&mut self, kind: Kind, language: Language) -> Input {
        let text = match kind {
            Kind::Date => in_language(self.chance.of(&DAYS), language).to_owned(),
            Kind::Period => in_language(self.chance.of(&MONTHS), language).to_owned(),
            Kind::Time => in_language(TIMES, language).to_owned(),
            Kind::Amount => in_language(SUMS, language).to_owned(),
            Kind::Number => self.digits(2),
            Kind::Phone => format!("06{}", self.digits(8)),
            Kind::Reference(shape) => self.digits(shape.characters_min.into()),
            Kind::Postcode => self.digits(5),
            Kind::City | Kind::Product => {
                let (names, at) = (&self.repertoire.names, self.chance.below(self.repertoire.names.len()));
                names.get(at).cloned().unwrap_or_default()
            }
            Kind::Email => "jean.dupont@example.org".to_owned(),
            Kind::Name => "D U P O N T".to_owned(),
            Kind::YesNo => in_language(YES, language).to_owned(),
        };
        self.mumbles(&text, language)
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| self.chance.of(&['1', '2', '3', '4', '5', '6', '7', '8', '9'])).collect()
    }

    /// Mostly a wish is understood.
    fn understood(&mut self) -> Band {
        if self.chance.once_in(3) { self.chance.of(&BANDS) } else { Band::Sure }
    }

    fn intent(&mut self) -> &'s str {
        self.chance.of(&self.repertoire.intents)
    }

    /// An example in `language`, if one is soon found.
    fn example(&mut self, language: Language) -> &'s Example {
        const TRIES: usize = 8;
        let mut example = self.repertoire.example(&mut self.chance);
        for _ in 0..TRIES {
            if example.language == language {
                break;
            }
            example = self.repertoire.example(&mut self.chance);
        }
        example
    }

    fn answers(&mut self, words: Words, language: Language) -> Input {
        self.mumbles(in_language(words, language), language)
    }

    /// A sentence out of which no intent comes.
    fn mumbles(&mut self, text: &str, language: Language) -> Input {
        let intent = self.intent();
        self.sentence((text, language), (Band::Lost, intent))
    }

    fn sentence(&mut self, (text, language): (&str, Language), (band, intent): (Band, &str)) -> Input {
        let wishes = vec![self.ranked(band, intent)];
        // What is said at random may sound like another language; who wants something speaks one that is understood.
        let is_foreign = self.persona == Persona::Random && self.chance.once_in(10);
        let certainty = Certainty::default();
        Input::Sentence(Sentence { text: text.into(), language, wishes, certainty, is_foreign })
    }

    /// `intent` as it may be read where it is as clear as `band`, with another one behind it.
    fn ranked(&mut self, band: Band, intent: &str) -> Wish {
        let (lowest, width) = match band {
            Band::Sure => (0.9, 0.1),
            Band::Nearly => (0.4, 0.4),
            Band::TwoCandidates => (0.4, 0.3),
            Band::Lost | Band::OutOfScope => (0.1, 0.3),
        };
        let probability = lowest + width * self.chance.unit();
        let other = (1.0 - probability).min(probability) * self.chance.unit();
        let score = |intent: &str, probability| IntentScore { intent: intent.to_owned(), probability };
        let mut candidates = vec![score(intent, probability)];
        let second = self.intent();
        if second != intent {
            candidates.push(score(second, other));
        }
        Wish { ranking: Ranking { candidates, in_scope: 0.9 }, band }
    }
}

impl<'s> Repertoire<'s> {
    fn example(&self, chance: &mut Chance) -> &'s Example {
        if !self.answered.is_empty() && chance.once_in(3) {
            return chance.of(&self.answered);
        }
        &self.examples[chance.below(self.examples.len())]
    }
}

const fn in_language(words: Words, language: Language) -> &'static str {
    let [french, english, dutch] = words;
    match language {
        Language::Fr => french,
        Language::En => english,
        Language::Nl => dutch,
    }
}
