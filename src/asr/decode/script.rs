//! Which tokens can be part of a text in the languages that callers speak ([`crate::call::Language`]).
//!
//! All of them are written in Latin script. Whisper's vocabulary holds the pieces of a hundred languages; a decoder that
//! scores none that cannot come reads a smaller matrix at every step.
//!
//! A token that is no whole character is kept where each of its bytes may be part of one that is written: in doubt a token
//! stays.

use std::ops::RangeInclusive;

/// What the languages are written with. Beside the letters: accents that stand behind their letter, punctuation,
/// currencies, signs such as ™ and ⅓, arrows, signs of arithmetic.
const WRITTEN: [RangeInclusive<char>; 3] = ['\0'..='\u{24f}', '\u{300}'..='\u{36f}', '\u{2000}'..='\u{22ff}'];

/// The ids of the tokens that may come, rising, of a model with `vocabulary` tokens in all. `text_tokens` are the bytes of
/// the text tokens in the order of their ids; what stands behind them is special, and all of it is kept.
pub fn kept(text_tokens: &[Vec<u8>], vocabulary: usize) -> Vec<u32> {
    let may_come = |id: &u32| text_tokens.get(*id as usize).is_none_or(|token| is_written(token));
    (0_u32..).take(vocabulary).filter(may_come).collect()
}

/// Whether `token` can stand in a text, perhaps with parts of characters at its ends.
fn is_written(token: &[u8]) -> bool {
    token.utf8_chunks().all(|chunk| {
        let mut characters = chunk.valid().chars();
        characters.all(|character| WRITTEN.iter().any(|range| range.contains(&character)))
            && chunk.invalid().iter().all(|byte| is_part(*byte))
    })
}

/// Whether a character of [`WRITTEN`] beyond ASCII has this byte: one that continues, or a first one.
const fn is_part(byte: u8) -> bool {
    matches!(byte, 0x80..=0xBF | 0xC2..=0xC9 | 0xCC..=0xCD | 0xE2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asr::decode::tokens::Vocabulary;
    use crate::call::Language;

    #[test]
    fn what_the_languages_are_written_with_is_kept() {
        // A further language does not compile without a text of its own.
        let text = |language: Language| match language {
            Language::Fr => {
                "« L’œuf de Noël », ça coûte 12,50 € où ? À la française : été, île, aiguë, Lætitia – n° 3…"
            }
            Language::En => "“It’s £5,” said Zoë; ‘naïve’ 20% #1 @home! 7 × 6 ≠ 41, Brand™",
            Language::Nl => "’s Ochtends twee koffieën, ĳs en ijs; één reünie à € 3,– „goed” ½ ĲSSEL",
        };
        for language in Language::ALL {
            let text = text(language);
            assert!(is_written(text.as_bytes()), "{text}");
            for character in text.chars() {
                assert!(is_written(format!(" {character}").as_bytes()), "{character}");
            }
        }
        for token in ["", " ", "\n", "\u{a0}", "e\u{301}", "\u{202f}", "#", " <|", "Š", " Łódź", "→"] {
            assert!(is_written(token.as_bytes()), "{token:?}");
        }
    }

    #[test]
    fn other_scripts_and_pictures_are_left_out() {
        for token in [
            " привет",
            "ж",
            "Ω",
            "你好",
            "。",
            "「",
            "ひ",
            "カ",
            "한",
            " שלום",
            " مرحبا",
            "क",
            "ไทย",
            "ა",
            "հ",
            "😀",
            " 👍",
            "ﬁ",
            "a日",
            "日a",
        ] {
            assert!(!is_written(token.as_bytes()), "{token}");
        }
    }

    #[test]
    fn parts_of_characters_are_kept_where_a_written_one_may_have_them() {
        let kept: [&[u8]; 9] = [
            b"\xc3",
            b" \xc3",
            b"\xa9",
            b"\xe2",
            b"\xe2\x80",
            b"\xe2\x82",
            b" \xe2\x80",
            b"\x80\x99",
            b"\xa9e\xcc",
        ];
        for token in kept {
            assert!(is_written(token), "{token:x?}");
        }
        let left: [&[u8]; 8] =
            [b"\xd0", b" \xd0", b"\xd0\xbf\xd1", b"\xe4\xb8", b"\xe3\x81", b"\xf0\x9f", b"\xa9\xe6", b"\xff"];
        for token in left {
            assert!(!is_written(token), "{token:x?}");
        }
    }

    #[test]
    fn the_bytes_of_written_characters_are_parts_and_no_others() {
        let mut parts = [false; 256];
        for character in WRITTEN.into_iter().flatten().filter(|character| !character.is_ascii()) {
            character.to_string().bytes().for_each(|byte| parts[usize::from(byte)] = true);
        }
        for byte in 0..=u8::MAX {
            assert_eq!(is_part(byte), parts[usize::from(byte)], "{byte:x}");
        }
    }

    #[test]
    fn every_special_token_and_time_stamp_is_kept_in_every_size_of_model() {
        for size in [51_864_usize, 51_865, 51_866] {
            let v = Vocabulary::new(Vec::new(), size).expect("a size that models have");
            // All text but the first token is of another script.
            let mut tokens = vec!["日".as_bytes().to_vec(); v.eot() as usize];
            tokens[0] = b"a".to_vec();
            let expected: Vec<u32> = std::iter::once(0).chain(v.eot()..v.size()).collect();
            assert_eq!(kept(&tokens, size), expected);
            // Some files list the end of the text among the text tokens.
            tokens.push(b"<|endoftext|>".to_vec());
            assert_eq!(kept(&tokens, size), expected);
        }
    }
}
