//! Whisper as its publication describes it, in f64 and without any thought of speed: no cache, no batch, no fused
//! matrices. What the graphs compute is compared with this.

use super::made::MadeSource;
use crate::models::weights::{HEAD_WIDTH, WeightSource};

pub(super) type Rows = Vec<Vec<f64>>;

/// What the encoder hands to each layer of the decoder: keys and values, a row for each position.
pub(super) struct Heard {
    pub(super) keys: Vec<Rows>,
    pub(super) values: Vec<Rows>,
}

/// What the decoder says of a text.
pub(super) struct Said {
    /// Scores after the last token.
    pub(super) logits: Vec<f64>,
    /// Cross-attention of each layer and head: a row of shares for each token.
    pub(super) attention: Vec<Vec<Rows>>,
    /// Keys and values of self-attention in each layer.
    pub(super) keys: Vec<Rows>,
    pub(super) values: Vec<Rows>,
}

pub(super) struct Reference<'a>(pub(super) &'a mut MadeSource);

impl Reference<'_> {
    fn values(&mut self, name: &str) -> Vec<f64> {
        let matrix = self.0.tensor(name).expect("a made model is whole");
        matrix.values.into_iter().map(f64::from).collect()
    }

    fn linear(&mut self, name: &str, input: &Rows) -> Rows {
        let weights = self.values(&format!("{name}.weight"));
        let inputs = input[0].len();
        let bias = if name.ends_with("key") {
            vec![0.0; weights.len() / inputs]
        } else {
            self.values(&format!("{name}.bias"))
        };
        let output = |row: &Vec<f64>| {
            let rows = weights.chunks(inputs).zip(&bias);
            rows.map(|(weights, bias)| dot(weights, row) + bias).collect()
        };
        input.iter().map(output).collect()
    }

    fn norm(&mut self, name: &str, input: &Rows) -> Rows {
        let (gain, bias) = (self.values(&format!("{name}.weight")), self.values(&format!("{name}.bias")));
        let normed = |row: &Vec<f64>| {
            let count = row.len() as f64;
            let mean = row.iter().sum::<f64>() / count;
            let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let scaled = row.iter().map(|value| (value - mean) / (variance + 1e-5).sqrt());
            scaled.zip(gain.iter().zip(&bias)).map(|(value, (gain, bias))| value * gain + bias).collect()
        };
        input.iter().map(normed).collect()
    }

    fn feed_forward(&mut self, block: &str, state: &Rows) -> Rows {
        let input = self.norm(&format!("{block}.mlp_ln"), state);
        let mut wide = self.linear(&format!("{block}.mlp.0"), &input);
        wide.iter_mut().flatten().for_each(|value| *value = gelu(*value));
        added(state, &self.linear(&format!("{block}.mlp.2"), &wide))
    }

    /// A convolution over three frames: rows are frames.
    fn convolution(&mut self, name: &str, input: &Rows, stride: usize) -> Rows {
        let weights = self.values(&format!("{name}.weight"));
        let bias = self.values(&format!("{name}.bias"));
        let channels = input[0].len();
        let at = |frame: usize, tap: usize, channel: usize| {
            (frame + tap).checked_sub(1).and_then(|frame| input.get(frame)).map_or(0.0, |row| row[channel])
        };
        let output = |frame: usize| {
            let of_filter = |(filter, bias): (&[f64], &f64)| {
                let taps = (0..channels).flat_map(|channel| (0..3).map(move |tap| (channel, tap)));
                gelu(
                    bias + taps
                        .map(|(channel, tap)| filter[channel * 3 + tap] * at(frame, tap, channel))
                        .sum::<f64>(),
                )
            };
            weights.chunks(channels * 3).zip(&bias).map(of_filter).collect()
        };
        (0..input.len()).step_by(stride).map(output).collect()
    }

    /// `mel` has a row for each frame.
    pub(super) fn hear(&mut self, mel: &Rows) -> Heard {
        let (width, layers) = (self.0.size.width, self.0.size.audio_layers);
        let state = self.convolution("encoder.conv1", mel, 1);
        let mut state = self.convolution("encoder.conv2", &state, 2);
        let places = self.values("encoder.positional_embedding");
        for (row, place) in state.iter_mut().zip(places.chunks(width)) {
            row.iter_mut().zip(place).for_each(|(value, place)| *value += place);
        }
        for layer in 0..layers {
            let block = format!("encoder.blocks.{layer}");
            let input = self.norm(&format!("{block}.attn_ln"), &state);
            let [query, key, value] =
                ["query", "key", "value"].map(|part| self.linear(&format!("{block}.attn.{part}"), &input));
            let (attended, _) = attention(&query, &key, &value, |_, _| true);
            state = added(&state, &self.linear(&format!("{block}.attn.out"), &attended));
            state = self.feed_forward(&block, &state);
        }
        let state = self.norm("encoder.ln_post", &state);
        let cross =
            |part: &'static str| move |layer: usize| format!("decoder.blocks.{layer}.cross_attn.{part}");
        let layers = self.0.size.text_layers;
        let keys = (0..layers).map(cross("key")).map(|name| self.linear(&name, &state)).collect();
        let values = (0..layers).map(cross("value")).map(|name| self.linear(&name, &state)).collect();
        Heard { keys, values }
    }

    /// Reads a whole text at once.
    pub(super) fn say(&mut self, heard: &Heard, tokens: &[i64]) -> Said {
        let width = self.0.size.width;
        let table = self.values("decoder.token_embedding.weight");
        let places = self.values("decoder.positional_embedding");
        let embedded = |(place, token): (usize, &i64)| {
            let row = &table[*token as usize * width..][..width];
            // The graph reads this table in 16 bits.
            let row = row.iter().map(|value| {
                f64::from(crate::models::half::to_f32(crate::models::half::from_f32(*value as f32)))
            });
            row.zip(&places[place * width..]).map(|(value, place)| value + place).collect()
        };
        let mut state: Rows = tokens.iter().enumerate().map(embedded).collect();
        let mut said =
            Said { logits: Vec::new(), attention: Vec::new(), keys: Vec::new(), values: Vec::new() };
        for layer in 0..self.0.size.text_layers {
            let block = format!("decoder.blocks.{layer}");
            let input = self.norm(&format!("{block}.attn_ln"), &state);
            let [query, key, value] =
                ["query", "key", "value"].map(|part| self.linear(&format!("{block}.attn.{part}"), &input));
            let (attended, _) = attention(&query, &key, &value, |query, key| key <= query);
            state = added(&state, &self.linear(&format!("{block}.attn.out"), &attended));
            said.keys.push(key);
            said.values.push(value);
            let input = self.norm(&format!("{block}.cross_attn_ln"), &state);
            let query = self.linear(&format!("{block}.cross_attn.query"), &input);
            let (attended, shares) = attention(&query, &heard.keys[layer], &heard.values[layer], |_, _| true);
            state = added(&state, &self.linear(&format!("{block}.cross_attn.out"), &attended));
            said.attention.push(shares);
            state = self.feed_forward(&block, &state);
        }
        let last = self.norm("decoder.ln", &vec![state.pop().expect("at least one token")]);
        said.logits = table.chunks(width).map(|row| dot(row, &last[0])).collect();
        said
    }
}

/// Attention in heads of 64 values: what was found, and the shares by head.
fn attention(
    query: &Rows,
    key: &Rows,
    value: &Rows,
    sees: impl Fn(usize, usize) -> bool,
) -> (Rows, Vec<Rows>) {
    let mut found: Rows = vec![Vec::new(); query.len()];
    let mut all_shares = Vec::new();
    for head in 0..query[0].len() / HEAD_WIDTH {
        let part = head * HEAD_WIDTH..(head + 1) * HEAD_WIDTH;
        let mut shares: Rows = Vec::new();
        for (place, row) in query.iter().enumerate() {
            let score = |(other, key): (usize, &Vec<f64>)| {
                let score = dot(&row[part.clone()], &key[part.clone()]) / (HEAD_WIDTH as f64).sqrt();
                if sees(place, other) { score } else { f64::NEG_INFINITY }
            };
            let scores: Vec<f64> = key.iter().enumerate().map(score).collect();
            let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let exponentials: Vec<f64> = scores.iter().map(|score| (score - greatest).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            shares.push(exponentials.into_iter().map(|exponential| exponential / sum).collect());
            let share = shares.last().expect("just pushed");
            found[place].extend(part.clone().map(|column| {
                share.iter().zip(value).map(|(share, value)| share * value[column]).sum::<f64>()
            }));
        }
        all_shares.push(shares);
    }
    (found, all_shares)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn added(one: &Rows, other: &Rows) -> Rows {
    let sum = |(one, other): (&Vec<f64>, &Vec<f64>)| {
        one.iter().zip(other).map(|(one, other)| one + other).collect()
    };
    one.iter().zip(other).map(sum).collect()
}

/// By the error function, not by its approximation with a hyperbolic tangent.
fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + error_function(x / std::f64::consts::SQRT_2))
}

/// By its series, which is exact to 1e-12 below 4; above, the function is 1 to 1e-7.
fn error_function(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..100_i32 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

#[test]
fn the_error_function_has_its_published_values() {
    for (x, expected) in [
        (0.0, 0.0),
        (0.5, 0.520_499_877_8),
        (1.0, 0.842_700_792_9),
        (-2.0, -0.995_322_265_0),
        (3.5, 0.999_999_257_1),
    ] {
        assert!((error_function(x) - expected).abs() < 1e-9, "{x}: {}", error_function(x));
    }
}
