//! What Whisper says when it hears nothing: the phrases of the subtitles it learnt from.
//!
//! Phrases are written as [`normalized`] gives them: lower case, without accents, letters and digits only, single
//! spaces.

use crate::text::fold;

/// Credits and farewells of videos. Nobody says them on the telephone; a text that is mostly one of them is rejected
/// whatever the evidence. A phrase stands for every text that holds it as most of its letters.
pub const CREDITS: &[&str] = &[
    // French
    "sous titres realises par la communaute d amara org",
    "sous titres realises para la communaute d amara org",
    "sous titrage societe radio canada",
    "sous titrage st 501",
    "sous titrage fr",
    "sous titrage mfp",
    "merci d avoir regarde la video",
    "merci d avoir regarde cette video",
    "merci d avoir visionne cette video",
    "merci a tous d avoir regarde",
    "abonnez vous a la chaine",
    "abonnez vous a ma chaine",
    "vous abonner a ma chaine",
    "a bientot pour une nouvelle video",
    "on se retrouve pour une nouvelle video",
    "a la prochaine video",
    // English
    "thanks for watching",
    "thank you for watching",
    "thank you so much for watching",
    "thank you very much for watching",
    "thank you all for watching",
    "subscribe to my channel",
    "like and subscribe",
    "see you in the next video",
    "i ll see you in the next video",
    "subtitles by the amara org community",
    // Dutch
    "ondertitels ingediend door de amara org gemeenschap",
    "abonneer je op ons kanaal",
    "abonneren op ons kanaal",
    "tot de volgende video",
    "tv gelderland 2021",
];

/// Credits that end with whoever is credited. A text that is mostly one of them, or a short one that begins with it, is
/// rejected whatever the evidence, unless what follows is nobody.
pub const ATTRIBUTIONS: &[&str] = &[
    "sous titres realises par",
    "sous titres par",
    "sous titres faits par",
    "subtitles by",
    "transcribed by",
    "transcription by",
    "captions by",
    "closed captions by",
    "ondertiteld door",
    "ondertiteling door",
];

/// What an attribution goes on with where it credits nobody: "sous-titres par défaut", "subtitles by default".
const NOBODY: &[&str] = &["defaut", "default"];

/// Thanks at the end of a video. As the whole text they are rejected whatever the evidence; as most of it they are also what
/// somebody says whose case was looked at ("merci d'avoir regardé mon dossier"), so that they need evidence.
pub const THANKS: &[&str] = &[
    "merci d avoir regarde",
    "bedankt voor het kijken",
    "dank je wel voor het kijken",
    "dank u voor het kijken",
];

/// What videos and their credits say, and agents and customers of an operator as well: they call about subtitles, subscribe
/// to options, watch channels. A text that is mostly one of them is rejected only where the evidence of speech is weak.
pub const DOUBTFUL: &[&str] = &[
    // French
    "sous titrage",
    "sous titres par defaut",
    "n oubliez pas de vous abonner",
    "n hesitez pas a vous abonner",
    "cliquez sur la cloche",
    // English
    "subtitles by default",
    "captions by default",
    "please subscribe",
    "don t forget to subscribe",
    // Dutch
    "ondertiteling",
    "vergeet niet te abonneren",
    "tv gelderland",
];

/// What people say on the telephone and Whisper says on noise, as the whole text. Rejected only where the evidence of
/// speech is weak.
pub const COURTESIES: &[&str] = &[
    "merci",
    "merci beaucoup",
    "au revoir",
    "oui",
    "non",
    "ok",
    "d accord",
    "bonjour",
    "allo",
    "hein",
    "ah",
    "oh",
    "hum",
    "a bientot",
    "thank you",
    "thank you very much",
    "thanks",
    "yeah",
    "oh yeah",
    "bye",
    "bye bye",
    "you",
    "yes",
    "no",
    "okay",
    "hello",
    "so",
    "hmm",
    "mm",
    "bedankt",
    "dank je wel",
    "dank u wel",
    "dank u",
    "dag",
    "ja",
    "nee",
    "tot ziens",
    "hallo",
    "doei",
];

/// What subtitles write for what is heard beside speech, as the whole text. People seldom say these alone, so they too
/// need evidence; in capitals they are never speech.
pub const ANNOTATIONS: &[&str] = &[
    "musique",
    "musique douce",
    "musique de fond",
    "rires",
    "applaudissements",
    "silence",
    "generique",
    "bruit",
    "music",
    "music playing",
    "soft music",
    "upbeat music",
    "laughter",
    "applause",
    "blank audio",
    "inaudible",
    "muziek",
    "rustige muziek",
    "vrolijke muziek",
    "spannende muziek",
    "gelach",
    "applaus",
    "stilte",
    "gejuich",
    "geluid",
];

/// Lower case, without accents and ligatures; everything but letters and digits becomes a single space.
pub fn normalized(text: &str) -> String {
    let folded = fold(text);
    let words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Most words of a text that credits somebody: the phrase and a name.
const LONGEST_ATTRIBUTION: usize = 8;

/// Whether `text` (normalised) is, for at least half of its letters, one of the credits, or a credit with a name, or nothing
/// but the thanks of a video.
pub fn is_credit(text: &str) -> bool {
    CREDITS.iter().any(|phrase| is_mostly(phrase, text))
        || ATTRIBUTIONS.iter().any(|phrase| credits_somebody(phrase, text))
        || is_only(THANKS, text)
}

/// Whether `text` (normalised) is, for at least half of its letters, what videos say and callers too.
pub fn is_doubtful(text: &str) -> bool {
    DOUBTFUL.iter().chain(THANKS).any(|phrase| is_mostly(phrase, text))
}

/// Whether `text` (normalised) is nothing but a courtesy, once or several times.
pub fn is_courtesy(text: &str) -> bool {
    is_only(COURTESIES, text)
}

/// Whether `text` (normalised) is nothing but an annotation, once or several times.
pub fn is_annotation(text: &str) -> bool {
    is_only(ANNOTATIONS, text)
}

/// Whether `text` holds `phrase` as whole words and as at least half of its letters.
fn is_mostly(phrase: &str, text: &str) -> bool {
    format!(" {text} ").contains(&format!(" {phrase} ")) && phrase.len() * 2 >= text.len()
}

/// Whether `text` is mostly the attribution `phrase`, or short and begins with it, and goes on with whoever is credited.
fn credits_somebody(phrase: &str, text: &str) -> bool {
    let padded = format!(" {text} ");
    let credits_nobody = NOBODY.iter().any(|word| padded.contains(&format!(" {phrase} {word} ")));
    let is_short = text.split(' ').count() <= LONGEST_ATTRIBUTION;
    let begins_with_it = padded.starts_with(&format!(" {phrase} "));
    !credits_nobody && (is_mostly(phrase, text) || is_short && begins_with_it)
}

fn is_only(phrases: &[&str], text: &str) -> bool {
    phrases.iter().any(|phrase| {
        let mut rest = text;
        while let Some(shorter) = rest.strip_prefix(phrase) {
            rest = match shorter.strip_prefix(' ') {
                Some(more) => more,
                None => return shorter.is_empty(),
            };
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_written_as_they_are_compared() {
        let lists = [CREDITS, ATTRIBUTIONS, NOBODY, THANKS, DOUBTFUL, COURTESIES, ANNOTATIONS];
        for phrase in lists.concat() {
            assert_eq!(normalized(phrase), phrase);
        }
    }

    #[test]
    fn credits_are_known_in_three_languages() {
        for text in [
            "Sous-titres réalisés par la communauté d'Amara.org",
            "Sous-titrage Société Radio-Canada",
            "Sous-titrage MFP.",
            "Merci d’avoir regardé cette vidéo !",
            "Merci d'avoir regardé !",
            "N'oubliez pas de vous abonner à ma chaîne.",
            "Sous-titres par Jean Dupont",
            "Thanks for watching!",
            "Thank you very much for watching.",
            "Please subscribe to my channel.",
            "Subtitles by J. Doe",
            "Ondertiteld door een vrijwilliger",
            "Bedankt voor het kijken.",
            "Vergeet niet te abonneren op ons kanaal!",
        ] {
            assert!(is_credit(&normalized(text)), "{text}");
        }
    }

    #[test]
    fn a_sentence_of_a_call_is_not_a_credit() {
        for text in [
            "Bonjour, je n'arrive pas à activer le sous-titrage sur mon décodeur.",
            "Mon sous-titrage bugue.",
            "Sous-titres par défaut en anglais.",
            "Subtitles by default, please.",
            "Merci d'avoir rappelé.",
            "I would like to know how I can unsubscribe from the newsletter.",
            "Kunt u de ondertiteling op mijn televisie aanzetten?",
            "Ondertiteling werkt niet.",
        ] {
            assert!(!is_credit(&normalized(text)), "{text}");
        }
    }

    #[test]
    fn a_courtesy_is_the_whole_text() {
        for text in ["Merci.", "Merci, merci !", "Thank you.", "Dank u wel."] {
            assert!(is_courtesy(&normalized(text)), "{text}");
        }
        for text in ["Merci de me rappeler.", "Mercier", "", "Thank you for calling."] {
            assert!(!is_courtesy(&normalized(text)), "{text}");
        }
    }
}
