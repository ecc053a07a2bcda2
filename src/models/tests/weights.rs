//! The three formats of weights, from one made model.

use proptest::prelude::*;
use serde_json::json;

use super::made::{Folder, MadeWhisper, Stored, TOKENS, hugging_face_name};
use crate::audio::mel;
use crate::models::convert::{ToGgml, to_ggml};
use crate::models::ggml::TensorNumber;
use crate::models::quantize::quantise;
use crate::models::weights::{WeightSource, catalogue, check_ggml, open};
use crate::models::{Error, Quantisation};
use crate::progress::Progress;

const KEY: &str = "decoder.blocks.0.cross_attn.key.weight";
const KEY_BIAS: &str = "decoder.blocks.0.cross_attn.key.bias";

fn check_same(made: &MadeWhisper, folder: &Folder, what: &str) -> Box<dyn WeightSource> {
    let mut source = open(&folder.path().join(what), None).unwrap();
    assert_eq!(source.dimensions(), made.size);
    assert_eq!(source.tokens(), TOKENS);
    for (name, matrix) in &made.tensors {
        assert_eq!(source.tensor(name).unwrap(), *matrix, "{name} of {source:?}");
    }
    source
}

/// The path and what is wrong with it.
fn refusal(folder: &Folder, what: &str) -> String {
    let error = open(&folder.path().join(what), None).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    error.to_string()
}

/// The made model in every format, each with what to open in its folder.
fn in_every_format(made: &MadeWhisper) -> [(Folder, &'static str); 3] {
    let ggml = Folder::empty();
    ggml.write("made.bin", &made.ggml(TensorNumber::F16));
    let ct2 = Folder::ct2(&made.ct2(Stored::F16));
    [(ct2, ""), (Folder::hugging_face(made, Stored::F16), ""), (ggml, "made.bin")]
}

#[test]
fn all_formats_give_the_same_tensors() {
    let made = MadeWhisper::new();
    for stored in [Stored::F32, Stored::F16, Stored::Bf16, Stored::I8] {
        let source = check_same(&made, &Folder::ct2(&made.ct2(stored)), "");
        assert_eq!(source.mel_filters().as_ref(), mel::filters(80));
    }
    for stored in [Stored::F32, Stored::F16, Stored::Bf16] {
        let source = check_same(&made, &Folder::hugging_face(&made, stored), "");
        assert_eq!(source.mel_filters().as_ref(), mel::filters(80));
    }
    for number in [TensorNumber::F32, TensorNumber::F16] {
        let folder = Folder::empty();
        folder.write("made.bin", &made.ggml(number));
        let source = check_same(&made, &folder, "made.bin");
        assert_eq!(source.mel_filters().as_ref(), vec![0.25; 80 * 201], "ggml brings its own filters");
    }
}

#[test]
fn hugging_face_models_come_in_shards_and_without_the_prefix_too() {
    let made = MadeWhisper::new();
    let folder = Folder::hugging_face(&made, Stored::F16);
    std::fs::remove_file(folder.file("model.safetensors")).unwrap();
    let is_first = |name: &str| name.starts_with("encoder");
    folder.write("model-1.safetensors", &made.safetensors(Stored::F32, is_first));
    folder.write("model-2.safetensors", &made.safetensors(Stored::Bf16, |name| !is_first(name)));
    let files = made.tensors.keys().map(|name| {
        let file = if is_first(name) { "model-1.safetensors" } else { "model-2.safetensors" };
        (hugging_face_name(name), json!(file))
    });
    let index = json!({"metadata": {"total_size": 1}, "weight_map": serde_json::Map::from_iter(files)});
    folder.write("model.safetensors.index.json", index.to_string().as_bytes());
    check_same(&made, &folder, "");

    folder.write("model-2.safetensors", &made.safetensors(Stored::F16, |_| true));
    assert!(refusal(&folder, "").contains("is in another file too"));
    for name in ["../model-1.safetensors", "/etc/hostname", "", "a/b", ".."] {
        let index = json!({"weight_map": {"a": name}});
        folder.write("model.safetensors.index.json", index.to_string().as_bytes());
        assert!(refusal(&folder, "").contains("not the name of a file"), "{name}");
    }

    let folder = Folder::hugging_face(&made, Stored::F16);
    let whole = made.safetensors(Stored::F16, |_| true);
    let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(whole[8..8 + length].to_vec()).unwrap().replace("\"model.", "\"");
    let mut bare = (header.len() as u64).to_le_bytes().to_vec();
    bare.extend(header.as_bytes());
    bare.extend(&whole[8 + length..]);
    folder.write("model.safetensors", &bare);
    check_same(&made, &folder, "");
}

#[test]
fn a_vocabulary_that_is_named_takes_the_place_of_the_own_one() {
    let made = MadeWhisper::new();
    for (folder, what) in in_every_format(&made) {
        let named = folder.write("named.txt", b"x\ny\n");
        let source = open(&folder.path().join(what), Some(&named)).unwrap();
        assert_eq!(source.tokens(), [b"x", b"y"]);
        folder.write("named.txt", b"1\n2\n3\n4\n5\n6\n7\n8\n");
        let error = open(&folder.path().join(what), Some(&named)).unwrap_err();
        assert!(error.to_string().contains("8 text tokens"), "{error}");
    }
}

#[test]
fn alignment_heads_come_from_where_each_format_has_them() {
    let mut made = MadeWhisper::new();
    made.size.text_layers = 2;
    for spec in catalogue(&made.size) {
        made.add(&spec.name(), spec.dims());
    }
    let ct2 = Folder::ct2(&made.ct2(Stored::F16));
    let hugging_face = Folder::hugging_face(&made, Stored::F16);
    for (folder, file) in [(&ct2, "config.json"), (&hugging_face, "generation_config.json")] {
        assert_eq!(open(folder.path(), None).unwrap().alignment_heads(), None);
        for (list, expected) in [
            (json!([[0, 0], [1, 0]]), Some(vec![(0, 0), (1, 0)])),
            (json!(null), None),
            (json!([]), None),
            // Of the bigger model this one was made from.
            (json!([[0, 0], [2, 0]]), None),
            (json!([[0, 1]]), None),
        ] {
            folder.write(file, json!({"alignment_heads": list, "other": 1}).to_string().as_bytes());
            assert_eq!(open(folder.path(), None).unwrap().alignment_heads(), expected, "{list}");
        }
        folder.write(file, br#"{"alignment_heads": [[0, -1]]}"#);
        assert!(refusal(folder, "").contains(file));
    }
}

#[test]
fn a_missing_or_misshapen_tensor_is_named() {
    let mut made = MadeWhisper::new();
    made.tensors.remove("decoder.blocks.0.mlp.2.bias");
    let [ct2, hugging_face, ggml] = in_every_format(&made).map(|(folder, what)| refusal(&folder, what));
    assert!(ct2.ends_with("model.bin: no tensor `decoder/layer_0/ffn/linear_1/bias`"), "{ct2}");
    assert!(hugging_face.ends_with("model.safetensors: no tensor `model.decoder.layers.0.fc2.bias`"));
    assert!(ggml.ends_with("made.bin: no tensor `decoder.blocks.0.mlp.2.bias`"), "{ggml}");

    let mut made = MadeWhisper::new();
    made.add("encoder.blocks.1.mlp.0.weight", &[128, 64]);
    let [ct2, hugging_face, ggml] = in_every_format(&made).map(|(folder, what)| refusal(&folder, what));
    let shapes = "has the shape [128, 64], expected [256, 64]";
    assert!(ct2.ends_with(&format!("`encoder/layer_1/ffn/linear_0/weight` {shapes}")), "{ct2}");
    assert!(hugging_face.ends_with(&format!("`model.encoder.layers.1.fc1.weight` {shapes}")));
    assert!(ggml.ends_with(&format!("`encoder.blocks.1.mlp.0.weight` {shapes}")), "{ggml}");

    // As many values, turned.
    let mut made = MadeWhisper::new();
    made.tensor("encoder.blocks.1.mlp.2.weight").dims = vec![256, 64];
    for (folder, what) in in_every_format(&made) {
        assert!(refusal(&folder, what).contains("has the shape [256, 64], expected [64, 256]"));
    }
}

#[test]
fn a_key_bias_is_refused_unless_it_is_zero() {
    let mut made = MadeWhisper::new();
    made.add(KEY_BIAS, &[64]);
    made.tensor(KEY_BIAS).values.fill(0.0);
    for (folder, what) in in_every_format(&made) {
        open(&folder.path().join(what), None).unwrap();
    }
    made.tensor(KEY_BIAS).values[63] = 0.5;
    for ((folder, what), name) in in_every_format(&made).into_iter().zip([
        "decoder/layer_0/attention/linear_1/bias",
        "model.decoder.layers.0.encoder_attn.k_proj.bias",
        KEY_BIAS,
    ]) {
        let refusal = refusal(&folder, what);
        assert!(refusal.ends_with(&format!("`{name}` has a key bias, which Whisper has not")), "{refusal}");
    }
}

#[test]
fn layers_beyond_the_size_are_refused_rather_than_lost() {
    let mut made = MadeWhisper::new();
    made.size.audio_layers = 1;
    let [_, hugging_face, ggml] = in_every_format(&made)
        .map(|(folder, what)| open(&folder.path().join(what), None).map_err(|error| error.to_string()));
    assert!(hugging_face.unwrap_err().contains("`model.encoder.layers.1.self_attn.q_proj.weight` belongs"));
    assert!(ggml.unwrap_err().contains("`encoder.blocks.1.attn.query.weight` belongs to a layer more"));
}

#[test]
fn sizes_that_no_whisper_has_are_refused() {
    type Change = fn(&mut crate::models::weights::Dimensions);
    let changes: [(Change, &str); 8] = [
        (|size| size.mel_bands = 96, "96 mel bands"),
        (|size| size.heads = 2, "2 heads of width 64"),
        (|size| (size.width, size.heads) = (96, 1), "1 heads of width 96"),
        (|size| (size.width, size.heads) = (0, 0), "0 heads of width 0"),
        (|size| size.audio_layers = 65, "65 and 1 layers"),
        (|size| size.text_layers = 0, "2 and 0 layers"),
        (|size| size.text_positions = 1 << 20, "1048576 of text"),
        (|size| size.vocabulary = 3, "3 text tokens"),
    ];
    for (change, reason) in changes {
        let mut made = MadeWhisper::new();
        change(&mut made.size);
        let folder = Folder::hugging_face(&made, Stored::F16);
        let refused = refusal(&folder, "");
        assert!(refused.contains("config.json: ") && refused.contains(reason), "{refused}");
        if made.size.mel_bands == 80 {
            folder.write("made.bin", &made.ggml(TensorNumber::F16));
            let refused = refusal(&folder, "made.bin");
            assert!(refused.contains(reason), "{refused}");
        }
    }
}

#[test]
fn what_would_be_computed_wrongly_is_refused() {
    let mut made = MadeWhisper::new();
    made.add("proj_out.weight", &[8, 64]);
    let proj_out = made.tensors.remove("proj_out.weight").unwrap();
    let folder = Folder::hugging_face(&made, Stored::F16);
    for (key, value, reason) in [
        ("model_type", json!("bart"), "`bart`, not whisper"),
        ("activation_function", json!("relu"), "`relu`"),
        ("scale_embedding", json!(true), "scale_embedding"),
        ("decoder_attention_heads", json!(2), "1 and 2 heads"),
        ("d_model", json!("wide"), "config.json"),
    ] {
        let mut config = made.config();
        config[key] = value;
        folder.write("config.json", config.to_string().as_bytes());
        assert!(refusal(&folder, "").contains(reason), "{key}");
    }
    let mut config = made.config();
    config["tie_word_embeddings"] = json!(false);
    folder.write("config.json", config.to_string().as_bytes());
    open(folder.path(), None).unwrap();
    made.tensors.insert("proj_out.weight".to_owned(), proj_out);
    let whole = made.safetensors(Stored::F16, |_| true);
    let renamed = replace_once(&whole, b"\"model.proj_out.weight\"", b"\"proj_out.weight\"      ");
    folder.write("model.safetensors", &renamed);
    assert!(refusal(&folder, "").contains("tie_word_embeddings"));
}

/// Same length, so that no offset moves.
fn replace_once(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut changed = bytes.to_vec();
    changed[at..at + to.len()].copy_from_slice(to);
    changed
}

#[test]
fn whatever_else_is_told_what_was_expected() {
    let folder = Folder::empty();
    for (name, content) in [("empty", &b""[..]), ("short", b"lm"), ("text", b"some text")] {
        folder.write(name, content);
        assert!(refusal(&folder, name).contains("expected a CTranslate2 folder"), "{name}");
    }
    assert!(refusal(&folder, "").contains("expected a CTranslate2 folder"));
    folder.write("pytorch_model.bin", b"PK");
    assert!(refusal(&folder, "").contains("save the model as safetensors"));
    assert!(matches!(open(&folder.file("none"), None).unwrap_err(), Error::Io { .. }));

    let made = MadeWhisper::new();
    let (mut sources, others) = (in_every_format(&made), ["encoder.blocks.2.mlp_ln.bias", KEY_BIAS, ""]);
    for (folder, what) in &mut sources {
        let mut source = open(&folder.path().join(what), None).unwrap();
        for name in others {
            assert!(source.tensor(name).unwrap_err().to_string().contains("no Whisper of this size has"));
        }
    }
}

#[test]
fn ggml_files_of_other_kinds_are_refused_with_the_remedy() {
    let made = MadeWhisper::new();
    let folder = Folder::empty();
    let whole = made.ggml(TensorNumber::F16);
    let name = b"decoder.blocks.0.attn.key.weight";
    let at = whole.windows(name.len()).position(|window| window == name).unwrap();
    // Before the name: rank, length of the name, number format, two dimensions.
    let mut other = whole.clone();
    other[at - 12..at - 8].copy_from_slice(&2_i32.to_le_bytes());
    folder.write("made.bin", &other);
    let refused = refusal(&folder, "made.bin");
    assert!(
        refused.contains("`decoder.blocks.0.attn.key.weight` has the number format 2\nhint"),
        "{refused}"
    );

    let twice = replace_once(&whole, name, b"decoder.blocks.0.attn.out.weight");
    folder.write("made.bin", &twice);
    assert!(refusal(&folder, "made.bin").contains("`decoder.blocks.0.attn.out.weight` twice"));

    let mut hostile = whole;
    for dim in [at - 8, at - 4] {
        hostile[dim..dim + 4].copy_from_slice(&16_000_i32.to_le_bytes());
    }
    folder.write("made.bin", &hostile);
    assert!(
        refusal(&folder, "made.bin").contains("ends early, in tensor `decoder.blocks.0.attn.key.weight`")
    );
}

#[test]
fn quantised_ggml_files_are_read_within_the_error_of_their_steps() {
    let made = MadeWhisper::new();
    let folder = Folder::empty();
    let plain = folder.write("plain.bin", &made.ggml(TensorNumber::F16));
    // A block spans 1.875 at most: 8 bits have steps of its half over 127, 5 bits of the whole over 31.
    for (how, error_max) in [(Quantisation::Q8_0, 0.004), (Quantisation::Q5_1, 0.0315)] {
        quantise(&plain, &folder.file("small.bin"), how, &Progress::hidden()).unwrap();
        let mut source = open(&folder.file("small.bin"), None).unwrap();
        for (name, matrix) in &made.tensors {
            let read = source.tensor(name).unwrap();
            assert_eq!(read.dims, matrix.dims);
            for (read, exact) in read.values.iter().zip(&matrix.values) {
                assert!((read - exact).abs() <= error_max, "{how} {name}: {read}, exactly {exact}");
            }
        }
    }
}

#[test]
fn safetensors_and_ctranslate2_become_the_same_ggml() {
    let made = MadeWhisper::new();
    let made_of = |folder: &Folder| {
        let output = folder.file("out.bin");
        let request = ToGgml { input: folder.path().into(), vocabulary: None, output: output.clone() };
        to_ggml(&request, &Progress::hidden()).unwrap();
        check_same(&made, folder, "out.bin");
        std::fs::read(output).unwrap()
    };
    let from_ct2 = made_of(&Folder::ct2(&made.ct2(Stored::I8)));
    assert!(from_ct2 == made_of(&Folder::hugging_face(&made, Stored::Bf16)));
}

#[test]
fn a_value_that_is_no_number_is_named() {
    let mut made = MadeWhisper::new();
    made.tensor(KEY).values[5] = f32::INFINITY;
    for (folder, what) in in_every_format(&made) {
        let mut source = open(&folder.path().join(what), None).unwrap();
        source.tensor("decoder.blocks.0.cross_attn.value.weight").unwrap();
        assert!(source.tensor(KEY).unwrap_err().to_string().ends_with("holds a value that is no number"));
    }
}

#[test]
fn every_cut_is_an_error() {
    let made = MadeWhisper::new();
    for (folder, what) in in_every_format(&made) {
        let opened = folder.path().join(what);
        let file = ["model.bin", "model.safetensors", "made.bin"].map(|name| folder.file(name));
        let file = file.iter().find(|file| file.is_file()).unwrap();
        let length = std::fs::metadata(file).unwrap().len();
        let handle = std::fs::File::options().write(true).open(file).unwrap();
        for cut in (0..length).rev().filter(|cut| length - cut < 300 || *cut < 300 || cut % 997 == 0) {
            handle.set_len(cut).unwrap();
            let error = open(&opened, None).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{cut} of {length}: {error:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_never_panic(flips in prop::collection::vec((any::<usize>(), 1_u8..), 1..4), reach in prop::sample::select(vec![16, 400, 12_000, usize::MAX])) {
        let made = MadeWhisper::new();
        for (folder, what) in in_every_format(&made) {
            for name in ["model.bin", "model.safetensors", "made.bin", "config.json"] {
                let Ok(mut bytes) = std::fs::read(folder.file(name)) else { continue };
                for (at, value) in &flips {
                    let reach = reach.min(bytes.len());
                    bytes[at % reach] ^= value;
                }
                folder.write(name, &bytes);
            }
            if let Ok(mut source) = open(&folder.path().join(what), None) {
                for spec in catalogue(&source.dimensions()) {
                    match source.tensor(&spec.name()) {
                        Ok(matrix) => prop_assert_eq!(matrix.dims, spec.dims()),
                        Err(error) => prop_assert!(matches!(error, Error::Format { .. }), "{error:?}"),
                    }
                }
            }
        }
    }
}

/// What is wrong with a ggml file of these bytes, if anything.
fn mistake(bytes: &[u8]) -> Option<String> {
    let folder = Folder::empty();
    check_ggml(&folder.write("model.bin", bytes)).err().map(|error| error.to_string())
}

#[test]
fn a_ggml_file_is_known_to_be_whole_before_the_library_reads_it() {
    for number in [TensorNumber::F16, TensorNumber::F32] {
        assert_eq!(mistake(&MadeWhisper::new().ggml(number)), None);
    }
    let whole = MadeWhisper::new().ggml(TensorNumber::F16);
    // The magic number and the eleven numbers of the header, four bytes each.
    for (place, value, expected) in [
        (0, 7, "not a ggml model"),
        (4, 7, "heads"),
        (4, 0, "heads"),
        (5, 100_000, "layers"),
        (11, 99, "number format 99"),
        (2, 1, "shape"),
    ] {
        let mut bytes = whole.clone();
        bytes[4 * place..4 * place + 4].copy_from_slice(&i32::to_le_bytes(value));
        let found = mistake(&bytes).unwrap_or_default();
        assert!(found.contains(expected), "{place} {value}: {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_ggml_file_that_was_cut_is_refused(cut in 0.0_f64..1.0) {
        let mut bytes = MadeWhisper::new().ggml(TensorNumber::F16);
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        prop_assert!(mistake(&bytes).is_some());
    }
}
