//! The graphs of made-up models of many sizes, run by ONNX Runtime, beside a plain computation of the same.

mod made;
mod reference;

use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;
use proptest::prelude::*;

use self::made::{Draws, MadeSource, size};
use self::reference::{Heard, Reference, Rows};
use super::builder::ALIGNMENT;
use super::*;
use crate::asr::onnx::package::Description;
use crate::models::hash_file;
use crate::models::weights::Dimensions;
use crate::onnx::Runtime;
use crate::progress::Progress;

/// A value of a graph.
#[derive(Clone)]
struct Values {
    shape: Vec<usize>,
    numbers: Vec<f32>,
    /// Whether the numbers are whole ones of 16 bits in the graph.
    are_whole: bool,
}

impl Values {
    fn f32(shape: &[usize], numbers: &[f32]) -> Self {
        Self { shape: shape.to_vec(), numbers: numbers.to_vec(), are_whole: false }
    }

    fn of(value: &ort::value::DynValue) -> Self {
        let lengths = |shape: &[i64]| shape.iter().map(|length| *length as usize).collect();
        if let Ok((shape, whole)) = value.try_extract_tensor::<i16>() {
            let numbers = whole.iter().map(|number| f32::from(*number)).collect();
            return Self { shape: lengths(shape), numbers, are_whole: true };
        }
        let (shape, numbers) = value.try_extract_tensor::<f32>().expect("f32 or whole numbers");
        Self { shape: lengths(shape), numbers: numbers.to_vec(), are_whole: false }
    }

    fn input(&self) -> SessionInputValue<'static> {
        if self.are_whole {
            let whole: Vec<i16> = self.numbers.iter().map(|number| *number as i16).collect();
            return Tensor::from_array((self.shape.clone(), whole)).expect("a tensor").into();
        }
        Tensor::from_array((self.shape.clone(), self.numbers.clone())).expect("a tensor").into()
    }
}

fn runtime() -> Option<Runtime> {
    let home = crate::home::Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let library = home.models().join("libonnxruntime.so");
    if library.is_file() {
        return Some(Runtime::load(&library).expect("the library loads"));
    }
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {}", library.display());
    eprintln!("skipped, missing: {}", library.display());
    None
}

/// A made model in graphs.
struct Graphs {
    _folder: tempfile::TempDir,
    encoder: Session,
    decoder: Session,
    size: Dimensions,
    /// Keys and values of a layer, and scales where these have 16 bits.
    cross_a_layer: usize,
}

impl Graphs {
    fn of(source: &mut MadeSource, mix: Mix, runtime: &Runtime) -> Self {
        let folder = written(source, mix);
        let open = |file: &str| runtime.session(&folder.path().join(file)).expect("the graph opens");
        let (encoder, decoder) = (open(ENCODER_FILE), open(DECODER_FILE));
        let cross_a_layer = encoder.outputs().len() / source.size.text_layers;
        Self { _folder: folder, encoder, decoder, size: source.size, cross_a_layer }
    }

    /// Keys and values for each layer; `mel` has the frames of one utterance behind those of another.
    fn hear(&mut self, mel: &[&Rows]) -> Vec<Values> {
        let frames = mel[0].len();
        let bands = self.size.mel_bands;
        let values: Vec<f32> = mel
            .iter()
            .flat_map(|mel| (0..bands).flat_map(|band| mel.iter().map(move |frame| frame[band] as f32)))
            .collect();
        run(&mut self.encoder, &[Values::f32(&[mel.len(), bands, frames], &values).input()])
    }

    /// One pass over the last `new` tokens of each text; gives all outputs by position, of which the first are the new
    /// past. Scores are asked for after the last token of each.
    fn pass(&mut self, heard: (&[Values], &[Values]), texts: &[Text], new: usize) -> Vec<Values> {
        let inputs = self.feed(heard, texts, new);
        run(&mut self.decoder, &inputs)
    }

    fn feed(
        &self,
        (cross, past): (&[Values], &[Values]),
        texts: &[Text],
        new: usize,
    ) -> Vec<SessionInputValue<'static>> {
        let before = past[0].shape[1];
        let all = before + texts.len() * new;
        let (mut tokens, mut places, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            for place in text.tokens.len() - new..text.tokens.len() {
                tokens.push(text.tokens[place]);
                places.push(place as i64);
                let mut row = vec![-1e9_f32; all];
                text.entries[..=place].iter().for_each(|entry| row[*entry] = 0.0);
                seen.extend(row);
            }
        }
        let scored: Vec<i64> = (1..=texts.len()).map(|text| (text * new - 1) as i64).collect();
        let mut inputs: Vec<SessionInputValue<'static>> = vec![
            Tensor::from_array(([tokens.len()], tokens)).expect("a tensor").into(),
            Tensor::from_array(([places.len()], places)).expect("a tensor").into(),
            Values::f32(&[texts.len() * new, all], &seen).input(),
            Tensor::from_array(([scored.len()], scored)).expect("a tensor").into(),
        ];
        for (own, cross) in past.chunks(2).zip(cross.chunks(self.cross_a_layer)) {
            inputs.extend(own.iter().chain(cross).map(Values::input));
        }
        inputs
    }

    fn nothing(&self) -> Vec<Values> {
        vec![Values::f32(&[self.size.heads, 0, HEAD_VALUES], &[]); 2 * self.size.text_layers]
    }
}

/// Tokens, and where each is in the past that all texts share.
struct Text {
    tokens: Vec<i64>,
    entries: Vec<usize>,
}

fn text<const N: usize>(tokens: [i64; N], entries: [usize; N]) -> Text {
    Text { tokens: tokens.to_vec(), entries: entries.to_vec() }
}

fn run(session: &mut Session, inputs: &[SessionInputValue<'_>]) -> Vec<Values> {
    let outputs = session.run(inputs).expect("the graph runs");
    outputs.into_iter().map(|(_, value)| Values::of(&value)).collect()
}

/// Keys and values of one layer of one utterance as the f32 graphs give them: heads × positions × 64, heads × 64 × positions.
fn keys_and_values(cross: &[Values]) -> [Vec<f32>; 2] {
    let [keys, values, scales] = cross else { return [cross[0].numbers.clone(), cross[1].numbers.clone()] };
    let [_, heads, halves, positions, block] = values.shape[..] else { panic!("five dimensions") };
    let padded = keys.shape[2] * block;
    let all = |is_key: bool| {
        (0..heads).flat_map(move |head| (0..positions * HEAD_VALUES).map(move |at| (head, at, is_key)))
    };
    let number = |(head, at, is_key): (usize, usize, bool)| {
        let scale = |position: usize| scales.numbers[(2 * head + usize::from(!is_key)) * padded + position];
        if is_key {
            let (position, value) = (at / HEAD_VALUES, at % HEAD_VALUES);
            let place = (position / block * HEAD_VALUES + value) * block + position % block;
            keys.numbers[head * padded * HEAD_VALUES + place] * scale(position)
        } else {
            let (value, position) = (at / positions, at % positions);
            let place = ((head * halves + value / block) * positions + position) * block + value % block;
            values.numbers[place] * scale(position)
        }
    };
    [true, false].map(|is_key| all(is_key).map(number).collect())
}

fn written(source: &mut MadeSource, mix: Mix) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(source, folder.path(), mix, &Progress::hidden()).expect("the graphs are written");
    folder
}

/// Frames of a spectrogram as Whisper's: about -1 to 1.
fn spectrogram(name: &str, frames: usize, bands: usize) -> Rows {
    let mut draws = Draws::of(name);
    (0..frames).map(|_| (0..bands).map(|_| f64::from(draws.next())).collect()).collect()
}

/// The largest difference, relative to the root mean square of what is expected.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let power = expected.iter().map(|value| value * value).sum::<f64>() / expected.len() as f64;
    let largest = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
    let largest =
        largest.fold(0.0, |one: f64, other| if other.is_nan() { f64::INFINITY } else { one.max(other) });
    largest / power.sqrt()
}

/// Rows of whole states as heads × rows × 64, or heads × 64 × rows.
fn by_heads(rows: &Rows, is_transposed: bool) -> Vec<f64> {
    let heads = rows[0].len() / HEAD_VALUES;
    let of_head = |head: usize| {
        let at = move |row: usize, value: usize| rows[row][head * HEAD_VALUES + value];
        if is_transposed {
            (0..HEAD_VALUES)
                .flat_map(|value| (0..rows.len()).map(move |row| at(row, value)))
                .collect::<Vec<_>>()
        } else {
            (0..rows.len()).flat_map(|row| (0..HEAD_VALUES).map(move |value| at(row, value))).collect()
        }
    };
    (0..heads).flat_map(of_head).collect()
}

/// Compares encoder and decoder of one model with the reference on one utterance: a prompt of three tokens, then two
/// rows that continue it differently, then both rows again, crossed over. Gives the largest differences of the keys and values and of
/// the scores.
fn compare(source: &mut MadeSource, graphs: &mut Graphs, frames: usize) -> (f64, f64) {
    let size = source.size;
    let mel = spectrogram("mel", frames, size.mel_bands);
    let cross = graphs.hear(&[&mel]);
    let heard = Reference(source).hear(&mel);
    let mut of_cross = 0.0_f64;
    for layer in 0..size.text_layers {
        let [keys, values] = keys_and_values(cross.chunks(graphs.cross_a_layer).nth(layer).expect("a layer"));
        of_cross = of_cross.max(difference(&keys, &by_heads(&heard.keys[layer], false)));
        of_cross = of_cross.max(difference(&values, &by_heads(&heard.values[layer], true)));
    }
    let layers = 2 * size.text_layers;
    let mut of_scores = 0.0_f64;
    let mut past = graphs.nothing();
    let passes = [
        (vec![text([1, 5, 2], [0, 1, 2])], 3),
        (vec![text([1, 5, 2, 3], [0, 1, 2, 3]), text([1, 5, 2, 4], [0, 1, 2, 4])], 1),
        (vec![text([1, 5, 2, 4, 6], [0, 1, 2, 4, 5]), text([1, 5, 2, 3, 0], [0, 1, 2, 3, 6])], 1),
    ];
    for (texts, new) in passes {
        let outputs = graphs.pass((&cross, &past), &texts, new);
        of_scores = of_scores.max(check_pass((source, &heard), &outputs, &texts, new));
        past = outputs[..layers].to_vec();
    }
    (of_cross, of_scores)
}

/// Compares all outputs of a pass whose rows have read `texts`, of which the last `new` tokens in this pass.
fn check_pass(
    (source, heard): (&mut MadeSource, &Heard),
    outputs: &[Values],
    texts: &[Text],
    new: usize,
) -> f64 {
    let size = source.size;
    let heads = source.alignment_heads.clone().unwrap_or_else(|| heads::of(size));
    let (logits, attention) = (&outputs[2 * size.text_layers], &outputs[2 * size.text_layers + 1]);
    assert_eq!(logits.shape, [texts.len(), size.vocabulary]);
    let positions = heard.keys[0].len();
    assert_eq!(attention.shape, [1, heads.len(), texts.len() * new, positions]);
    let mut largest = 0.0_f64;
    for (row, text) in texts.iter().enumerate() {
        let said = Reference(source).say(heard, &text.tokens);
        let found = &logits.numbers[row * size.vocabulary..][..size.vocabulary];
        largest = largest.max(difference(found, &said.logits));
        for layer in 0..size.text_layers {
            for (output, expected) in [(0, &said.keys), (1, &said.values)] {
                let Values { shape, numbers: values, .. } = &outputs[2 * layer + output];
                assert_eq!([shape[0], shape[2]], [size.heads, HEAD_VALUES]);
                let at = |head: usize, entry: &usize| &values[(head * shape[1] + entry) * HEAD_VALUES..];
                let of_text = |head: usize| text.entries.iter().map(move |entry| at(head, entry));
                let found: Vec<f32> =
                    (0..size.heads).flat_map(of_text).flat_map(|row| &row[..HEAD_VALUES]).copied().collect();
                largest = largest.max(difference(&found, &by_heads(&expected[layer], false)));
            }
        }
        for (index, (layer, head)) in heads.iter().enumerate() {
            for token in 0..new {
                let query = (index * texts.len() + row) * new + token;
                let found = &attention.numbers[query * positions..][..positions];
                let expected = &said.attention[*layer][*head][text.tokens.len() - new + token];
                largest = largest.max(difference(found, expected));
            }
        }
    }
    largest
}

/// Differences of f32 sums in another order, relative to the values; measured 4e-6 at most.
const F32_TOLERANCE: f64 = 2e-5;
/// Where nothing but the keys and values of cross-attention has 16 bits; measured 5e-5 at most.
const INT16_TOLERANCE: f64 = 2e-4;
/// Where every matrix has 8 bits; measured 0.08.
const INT8_TOLERANCE: f64 = 0.2;

/// Every matrix in f32, keys and values of cross-attention in 16 bits.
fn small_cache() -> Mix {
    let matrices: Vec<Part> = Part::ALL.into_iter().filter(|part| *part != Part::CrossCache).collect();
    Mix::int8_except(&matrices)
}

#[test]
fn f32_graphs_compute_what_the_publication_describes() {
    let Some(runtime) = runtime() else { return };
    for (heads, layers, bands) in [(1, (1, 1), 80), (2, (3, 2), 80), (3, (1, 3), 128), (1, (2, 4), 128)] {
        let mut source = MadeSource::new(size(heads, layers, bands));
        let mut graphs = Graphs::of(&mut source, Mix::F32, &runtime);
        for frames in [2, 10, 48] {
            let (cross, scores) = compare(&mut source, &mut graphs, frames);
            eprintln!(
                "{heads} heads, {layers:?} layers, {bands} bands, {frames} frames: {cross:.1e} {scores:.1e}"
            );
            assert!(cross < F32_TOLERANCE && scores < F32_TOLERANCE, "{cross} {scores}");
        }
    }
}

#[test]
fn int8_graphs_compute_nearly_the_same() {
    let Some(runtime) = runtime() else { return };
    for (heads, layers, bands) in [(1, (1, 1), 80), (2, (3, 2), 128)] {
        let mut source = MadeSource::new(size(heads, layers, bands));
        for kept in [&[][..], &[Part::EncoderOutput], &[Part::CrossCache]] {
            let mix = Mix::int8_except(kept);
            let mut graphs = Graphs::of(&mut source, mix, &runtime);
            let (cross, scores) = compare(&mut source, &mut graphs, 48);
            eprintln!("{heads} heads, {layers:?} layers, {}: {cross:.1e} {scores:.1e}", mix.describe());
            assert!(cross < INT8_TOLERANCE && scores < INT8_TOLERANCE, "{cross} {scores}");
            assert!(cross > 1e-4, "8 bits round");
        }
    }
}

#[test]
fn every_size_of_vocabulary_has_its_scores() {
    let Some(runtime) = runtime() else { return };
    for vocabulary in [51_864, 51_865, 51_866] {
        let mut source = MadeSource::new(Dimensions { vocabulary, ..size(1, (1, 1), 80) });
        let mut graphs = Graphs::of(&mut source, Mix::F32, &runtime);
        let (cross, scores) = compare(&mut source, &mut graphs, 4);
        assert!(cross < F32_TOLERANCE && scores < F32_TOLERANCE, "{vocabulary}: {cross} {scores}");
    }
}

#[test]
fn utterances_decoded_together_do_not_touch_each_other() {
    for mix in [Mix::F32, small_cache()] {
        check_utterances_together(mix);
    }
}

fn check_utterances_together(mix: Mix) {
    let Some(runtime) = runtime() else { return };
    let mut source = MadeSource::new(size(2, (2, 2), 80));
    let mut graphs = Graphs::of(&mut source, mix, &runtime);
    let mels = ["one", "two"].map(|name| spectrogram(name, 12, 80));
    let together = graphs.hear(&[&mels[0], &mels[1]]);
    let layers = 2 * source.size.text_layers;
    let prompts = [text([1, 2], [0, 1]), text([1, 2], [2, 3])];
    let prompt = graphs.pass((&together, &graphs.nothing()), &prompts, 2);
    let texts = [
        text([1, 2, 3], [0, 1, 4]),
        text([1, 2, 4], [0, 1, 5]),
        text([1, 2, 5], [2, 3, 6]),
        text([1, 2, 6], [2, 3, 7]),
    ];
    let step = graphs.pass((&together, &prompt[..layers]), &texts, 1);
    let scores_of = |outputs: &[Values]| outputs[layers].numbers.clone();
    let vocabulary = source.size.vocabulary;
    for (index, (mel, next)) in mels.iter().zip([[3, 4], [5, 6]]).enumerate() {
        let alone = graphs.hear(&[mel]);
        for (together, alone) in together.iter().zip(&alone) {
            let values = alone.numbers.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
            let own = &together.numbers[index * values.len()..][..values.len()];
            assert!(difference(own, &values) < F32_TOLERANCE);
        }
        let prompt = graphs.pass((&alone, &graphs.nothing()), &[text([1, 2], [0, 1])], 2);
        let texts = [text([1, 2, next[0]], [0, 1, 2]), text([1, 2, next[1]], [0, 1, 3])];
        let found = graphs.pass((&alone, &prompt[..layers]), &texts, 1);
        let expected: Vec<f64> = scores_of(&found).iter().map(|value| f64::from(*value)).collect();
        let own = &scores_of(&step)[index * 2 * vocabulary..][..2 * vocabulary];
        assert!(difference(own, &expected) < F32_TOLERANCE, "utterance {index}");
    }
}

#[test]
fn keys_and_values_that_do_not_fit_are_an_error() {
    let Some(runtime) = runtime() else { return };
    let mut source = MadeSource::new(size(2, (1, 1), 80));
    let mut graphs = Graphs::of(&mut source, Mix::int8_except(&[]), &runtime);
    let whole = graphs.hear(&[&spectrogram("mel", 40, 80)]);
    let texts = [text([1, 2], [0, 1])];
    for (index, dimension) in [(0, 2), (1, 3), (2, 3)] {
        let mut cross = whole.clone();
        let value = &mut cross[index];
        value.shape[dimension] *= 2;
        value.numbers = value.numbers.repeat(2);
        let inputs = graphs.feed((&cross, &graphs.nothing()), &texts, 2);
        let said = graphs.decoder.run(&inputs[..]).err().map(|error| error.to_string());
        assert!(
            said.is_some_and(|said| said.contains("AttendHeard")),
            "input {index}, dimension {dimension}"
        );
    }
    let inputs = graphs.feed((&whole, &graphs.nothing()), &texts, 2);
    assert!(graphs.decoder.run(&inputs[..]).is_ok(), "the session goes on");
}

#[test]
fn the_graphs_name_their_inputs_and_outputs_and_say_their_shapes() {
    let Some(runtime) = runtime() else { return };
    let mut source = MadeSource::new(size(2, (1, 2), 128));
    source.alignment_heads = Some(vec![(0, 1), (1, 0), (1, 1)]);
    let graphs = Graphs::of(&mut source, Mix::F32, &runtime);
    let shown = |outlets: &[ort::value::Outlet]| -> Vec<String> {
        let shape =
            |outlet: &ort::value::Outlet| format!("{:?}", outlet.dtype().tensor_shape().expect("a tensor"));
        outlets.iter().map(|outlet| format!("{} {}", outlet.name(), shape(outlet))).collect()
    };
    assert_eq!(shown(graphs.encoder.inputs()), ["mel [-1, 128, -1]"]);
    assert_eq!(
        shown(graphs.encoder.outputs()),
        ["ck0 [-1, 2, -1, 64]", "cv0 [-1, 2, 64, -1]", "ck1 [-1, 2, -1, 64]", "cv1 [-1, 2, 64, -1]"]
    );
    let inputs = shown(graphs.decoder.inputs());
    assert_eq!(inputs[..4], ["tokens [-1]", "places [-1]", "seen [-1, -1]", "scored [-1]"]);
    assert_eq!(inputs[4..6], ["pk0 [2, -1, 64]", "pv0 [2, -1, 64]"]);
    assert_eq!(inputs[6..8], ["ck0 [-1, 2, -1, 64]", "cv0 [-1, 2, 64, -1]"]);
    assert_eq!(inputs.len(), 4 + 4 * 2);
    let outputs = shown(graphs.decoder.outputs());
    assert_eq!(outputs[..2], ["nk0 [2, -1, 64]", "nv0 [2, -1, 64]"]);
    assert_eq!(outputs[4..], ["logits [-1, 23]", "attention [-1, 3, -1, -1]"]);
}

#[test]
fn a_model_of_unknown_shape_is_aligned_by_the_upper_half_of_its_layers() {
    assert_eq!(heads::of(size(2, (1, 3), 80)), [(1, 0), (1, 1), (2, 0), (2, 1)]);
    let base = Dimensions { vocabulary: 51_865, text_layers: 6, ..size(8, (6, 6), 80) };
    assert_eq!(heads::of(base).len(), 8);
    assert_ne!(heads::of(base), heads::of(Dimensions { vocabulary: 51_864, ..base }));
}

#[test]
fn weights_lie_on_page_borders_within_their_file_and_do_not_overlap() {
    use prost::Message;

    let mut source = MadeSource::new(size(1, (1, 1), 80));
    for mix in [Mix::F32, Mix::int8_except(&[])] {
        let folder = written(&mut source, mix);
        let length = std::fs::metadata(folder.path().join(WEIGHTS_FILE)).expect("written").len();
        let mut places: Vec<(u64, u64)> = Vec::new();
        for file in [ENCODER_FILE, DECODER_FILE] {
            let bytes = std::fs::read(folder.path().join(file)).expect("written");
            let graph = proto::Model::decode(&bytes[..]).expect("a model").graph.expect("a graph");
            for tensor in graph.initializer {
                let entry = |key: &str| {
                    let found = tensor.external_data.iter().find(|entry| entry.key.as_deref() == Some(key));
                    found.and_then(|entry| entry.value.clone())
                };
                assert_ne!(tensor.raw_data.is_some(), entry("location").is_some(), "here or there");
                if let Some(location) = entry("location") {
                    assert_eq!(location, WEIGHTS_FILE);
                    let number = |key| entry(key).expect("a place").parse().expect("a number");
                    places.push((number("offset"), number("length")));
                }
            }
        }
        places.sort_unstable();
        assert!(places.len() > 10);
        assert!(places.iter().all(|(offset, _)| offset % ALIGNMENT == 0));
        assert!(places.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
        assert_eq!(places.last().map(|(offset, bytes)| offset + bytes), Some(length));
    }
}

#[test]
fn the_graphs_describe_the_model_that_they_are_of() {
    use prost::Message;

    let mut source = MadeSource::new(size(2, (1, 2), 128));
    let folder = written(&mut source, Mix::of(crate::models::Precision::Int8));
    let metadata = [ENCODER_FILE, DECODER_FILE].map(|file| {
        let bytes = std::fs::read(folder.path().join(file)).expect("written");
        proto::Model::decode(&bytes[..]).expect("a model").metadata_props
    });
    let look_up = |entries: &[proto::StringEntry]| {
        let entries = entries.to_vec();
        move |key: &str| {
            let found = entries.iter().find(|entry| entry.key.as_deref() == Some(key));
            found.and_then(|entry| entry.value.clone())
        }
    };
    let description = Description::read(look_up(&metadata[0]), look_up(&metadata[1])).expect("a description");
    assert_eq!((description.width, description.heads, description.mel_bands), (128, 2, 128));
    assert_eq!((description.vocabulary, description.text_layers), (23, 2));
    assert_eq!(description.alignment_heads, heads::of(source.size));
    assert!(description.precision.contains("int8: encoder-attention"), "{}", description.precision);
    assert!(!description.precision.contains("encoder-output"));
    description.check_weights(folder.path()).expect("the length of the weights");
}

#[test]
fn not_a_byte_of_the_graphs_moves() {
    // The hashes of the manifest hang on this.
    let mut source = MadeSource::new(size(1, (2, 2), 80));
    let hashes = |mix: Mix, source: &mut MadeSource| {
        let folder = written(source, mix);
        FILES.map(|file| {
            let hash = hash_file(&folder.path().join(file), &Progress::hidden()).expect("hashed").to_string();
            hash[..16].to_owned()
        })
    };
    assert_eq!(
        [hashes(Mix::F32, &mut source), hashes(Mix::of(crate::models::Precision::Int8), &mut source)],
        [
            ["91699b59c43ba804", "aecb96b49e8f2e37", "0359377dc1187512"],
            ["66150c451aeba3d7", "efc19f26ed9b81b1", "c0b87b648bb1da49"]
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn a_model_of_any_size_runs_and_is_right(
        heads in 1_usize..4,
        layers in (1_usize..4, 1_usize..4),
        bands in prop_oneof![Just(80_usize), Just(128)],
        vocabulary in 8_usize..70,
        frames in 1_usize..24,
    ) {
        let Some(runtime) = runtime() else { return Ok(()) };
        let mut source = MadeSource::new(Dimensions { vocabulary, ..size(heads, layers, bands) });
        for (mix, tolerance) in [(Mix::F32, F32_TOLERANCE), (small_cache(), INT16_TOLERANCE)] {
            let mut graphs = Graphs::of(&mut source, mix, &runtime);
            let (cross, scores) = compare(&mut source, &mut graphs, 2 * frames);
            prop_assert!(cross < tolerance && scores < tolerance, "{} {}", cross, scores);
        }
    }
}
