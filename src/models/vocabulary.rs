//! The text tokens that a ggml file carries for whisper.cpp, from whichever file a model comes with.
//!
//! Read are CTranslate2's `vocabulary.json` and `vocabulary.txt` (tokens in the byte alphabet of GPT-2), Hugging Face's
//! `tokenizer.json` and `vocab.json` (the same alphabet, with ids), and `.tiktoken` (base64 and rank). Only text tokens are kept:
//! whisper.cpp adds the special ones itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine;

use super::Error;

/// Whisper's `tokenizer.json`, the biggest of these files, has 4 MB.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Whisper has 50,257 text tokens; whatever has many more is another model.
const TOKENS_MAX: usize = 100_000;
const TOKEN_BYTES_MAX: usize = 1024;

/// The vocabulary file of a model folder.
pub(super) fn find_in(folder: &Path) -> Option<PathBuf> {
    ["vocabulary.json", "vocabulary.txt", "tokenizer.json", "vocab.json"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

/// Reads the text tokens in the order of their ids.
pub(super) fn read(path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let length = std::fs::metadata(path).map_err(Error::io("open", path))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Error::format(path, "too big for a vocabulary"));
    }
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let tokens = match path.extension().and_then(|extension| extension.to_str()) {
        Some("tiktoken") => from_tiktoken(&text),
        Some("json") => from_json(&text),
        Some("txt") => from_byte_alphabet(text.lines()),
        Some(_) | None => Err("expected a .json, .txt or .tiktoken file".to_owned()),
    };
    let tokens = tokens.map_err(|reason| Error::format(path, reason))?;
    if tokens.is_empty() || tokens.len() > TOKENS_MAX {
        return Err(Error::format(path, format!("{} text tokens, expected 1 to {TOKENS_MAX}", tokens.len())));
    }
    if tokens.iter().any(|token| token.len() > TOKEN_BYTES_MAX) {
        return Err(Error::format(path, "a token is longer than any that Whisper has"));
    }
    Ok(tokens)
}

fn from_tiktoken(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut tokens = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (token, rank) = line.split_once(' ').ok_or("a line without a rank")?;
        if rank.parse::<usize>() != Ok(tokens.len()) {
            return Err("the ranks do not count up from 0".to_owned());
        }
        // The multilingual list ends with an empty token, written as padding without anything to pad.
        let token = if token == "=" { "" } else { token };
        let bytes = base64::engine::general_purpose::STANDARD.decode(token);
        tokens.push(bytes.map_err(|error| error.to_string())?);
    }
    Ok(tokens)
}

fn from_json(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(list) = value.as_array() {
        let tokens: Option<Vec<&str>> = list.iter().map(serde_json::Value::as_str).collect();
        return from_byte_alphabet(tokens.ok_or("a token is not a text")?.into_iter());
    }
    let of_tokenizer = value.pointer("/model/vocab").and_then(serde_json::Value::as_object);
    let are_ids = |list: &&serde_json::Map<_, _>| list.values().all(serde_json::Value::is_u64);
    let by_text = of_tokenizer.or_else(|| value.as_object().filter(are_ids));
    let by_text =
        by_text.ok_or("neither a list of tokens, nor tokens with ids, nor a tokenizer's /model/vocab")?;
    let mut by_id: Vec<(u64, &str)> = by_text
        .iter()
        .map(|(token, id)| Some((id.as_u64()?, token.as_str())))
        .collect::<Option<_>>()
        .ok_or("a token id is not a number")?;
    by_id.sort_unstable();
    if by_id.iter().enumerate().any(|(index, (id, _))| *id != index as u64) {
        return Err("the token ids do not count up from 0".to_owned());
    }
    from_byte_alphabet(by_id.into_iter().map(|(_, token)| token))
}

/// Text tokens come first; the first special one (`<|endoftext|>`) ends them.
fn from_byte_alphabet<'a>(tokens: impl Iterator<Item = &'a str>) -> Result<Vec<Vec<u8>>, String> {
    let alphabet = byte_alphabet();
    tokens
        .take_while(|token| !(token.starts_with("<|") && token.ends_with("|>")))
        .enumerate()
        .map(|(id, token)| {
            token
                .chars()
                .map(|letter| alphabet.get(&letter).copied())
                .collect::<Option<Vec<u8>>>()
                .ok_or_else(|| format!("token {id} is not in the byte alphabet"))
        })
        .collect()
}

/// Printable Latin-1 stands for itself, the other 68 bytes for the letters from U+0100 on.
fn byte_alphabet() -> HashMap<char, u8> {
    let mut next = 0x100_u32;
    (0..=u8::MAX)
        .map(|byte| {
            let is_printable = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
            let letter = if is_printable {
                char::from(byte)
            } else {
                next += 1;
                char::from_u32(next - 1).expect("68 letters from U+0100 on are all valid")
            };
            (letter, byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str, content: &str) -> Result<Vec<Vec<u8>>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        read(&path)
    }

    #[test]
    fn all_formats_give_the_same_tokens() {
        let expected = vec![b"!".to_vec(), b" the".to_vec(), "é".as_bytes().to_vec()];
        assert_eq!(read_as("v.txt", "!\nĠthe\nÃ©\n<|endoftext|>\n<|en|>\n").unwrap(), expected);
        assert_eq!(read_as("v.json", r#"["!", "Ġthe", "Ã©", "<|endoftext|>"]"#).unwrap(), expected);
        let tokenizer = r#"{"model": {"vocab": {"Ġthe": 1, "!": 0, "Ã©": 2}}}"#;
        assert_eq!(read_as("tokenizer.json", tokenizer).unwrap(), expected);
        let vocab = r#"{"<|endoftext|>": 3, "Ġthe": 1, "!": 0, "Ã©": 2}"#;
        assert_eq!(read_as("vocab.json", vocab).unwrap(), expected);
        assert_eq!(read_as("v.tiktoken", "IQ== 0\nIHRoZQ== 1\nw6k= 2\n").unwrap(), expected);
    }

    #[test]
    fn the_last_token_of_the_multilingual_list_is_empty() {
        let expected = vec![b"!".to_vec(), Vec::new()];
        assert_eq!(read_as("multilingual.tiktoken", "IQ== 0\n= 1\n").unwrap(), expected);
        let vocab = r#"{"!": 0, "": 1, "<|endoftext|>": 2}"#;
        assert_eq!(read_as("vocab.json", vocab).unwrap(), expected);
    }

    #[test]
    fn strange_files_are_errors() {
        for (name, content) in [
            ("v.txt", ""),
            ("v.txt", "a b\n"),
            ("v.json", "[1, 2]"),
            ("v.json", "{}"),
            ("v.json", r#"{"model": {"vocab": {"a": 5}}}"#),
            ("v.json", "[[[["),
            ("v.tiktoken", "IQ== 1\n"),
            ("v.tiktoken", "IQ==\n"),
            ("v.tiktoken", "??? 0\n"),
            ("v.bin", "!"),
        ] {
            let error = read_as(name, content).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{name} {content}: {error}");
        }
    }

    #[test]
    fn every_byte_has_its_letter() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!((alphabet[&'Ġ'], alphabet[&'Ċ']), (b' ', b'\n'));
    }
}
