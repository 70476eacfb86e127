//! The in-memory vector index: finds documents by embedding, whatever their words.
//!
//! Vectors are quantised to eight bits a number; the caller stores them permanently. Up to [`EXACT_MAX`] vectors are
//! compared exactly; beyond that, locality-sensitive hashing by sign preselects candidates.

use std::collections::HashMap;
use std::sync::OnceLock;

use uuid::Uuid;

use crate::VectorSimilarity;

/// Numbers of one vector.
pub const DIMENSIONS: usize = 512;
/// Numbers multiplied in parallel; [`DIMENSIONS`] is a multiple of it.
const LANES: usize = 16;
const _: () = assert!(DIMENSIONS.is_multiple_of(LANES));
/// Up to so many vectors are all compared.
pub const EXACT_MAX: usize = 100_000;
/// Fewer vectors give no usable [`Statistics`].
const STATISTICS_MIN: usize = 256;
/// Vectors from which the statistics are computed, at most.
const STATISTICS_SAMPLE: usize = 4_096;
/// First principal components that are removed: they reflect the kind of text (language, length), not its topic.
const REMOVED_COMPONENTS: usize = 3;
const ITERATIONS: usize = 24;
/// Vectors among which neighbours are looked for to measure hubness, and the neighbours that count.
const HUBNESS_SAMPLE: usize = 1_024;
const HUBNESS_NEIGHBOURS: usize = 10;
/// Vectors over which the mean hubness is computed.
const MEAN_HUBNESS_SAMPLE: usize = 256;
/// Share of a document's hubness above the mean that is subtracted from its topic similarity: hubs are near to every
/// query. Below the mean it is added.
const HUBNESS_PENALTY: f32 = 0.3;

/// An embedding, quantised to eight bits a number. Only its direction counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector([i8; DIMENSIONS]);

impl Vector {
    /// Quantises to eight bits a number; the length is lost. `None` unless there are [`DIMENSIONS`] finite numbers.
    pub fn of(numbers: &[f32]) -> Option<Self> {
        let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "in -127..=127")]
        let rounded: Vec<i8> = numbers.iter().map(|number| (number / largest * 127.0).round() as i8).collect();
        Some(Self(rounded.try_into().ok()?))
    }

    /// The inverse of [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<i8> = bytes.iter().map(|byte| byte.cast_signed()).collect();
        Some(Self(numbers.try_into().ok()?))
    }

    /// For storage.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(|number| number.cast_unsigned()).collect()
    }

    fn length(&self) -> f32 {
        to_f32(dot_i8(&self.0, &self.0)).sqrt()
    }

    fn direction(&self) -> Vec<f32> {
        let length = self.length().max(f32::MIN_POSITIVE);
        self.0.iter().map(|number| f32::from(*number) / length).collect()
    }

    /// The sign of each number: a locality-sensitive hash.
    fn signs(&self) -> Signs {
        let mut signs = [0_u64; DIMENSIONS / 64];
        for (at, _) in self.0.iter().enumerate().filter(|(_, number)| **number > 0) {
            signs[at / 64] |= 1 << (at % 64);
        }
        signs
    }
}

type Signs = [u64; DIMENSIONS / 64];

#[expect(clippy::cast_precision_loss, reason = "rounding does not change comparisons")]
fn to_f32(number: i32) -> f32 {
    number as f32
}

fn dot_i8(one: &[i8; DIMENSIONS], other: &[i8; DIMENSIONS]) -> i32 {
    one.iter().zip(other).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// Mean and first principal components of the vectors, and a sample for measuring hubness.
pub(crate) struct Statistics {
    mean: Vec<f32>,
    components: Vec<Vec<f32>>,
    /// Residuals of some vectors, and their lengths.
    sample: Vec<(Uuid, Vector, f32)>,
    mean_hubness: f32,
}

impl Statistics {
    /// By orthogonal iteration on the covariance.
    fn of(sample: &[&Row]) -> Self {
        let directions: Vec<Vec<f32>> = sample.iter().map(|row| row.vector.direction()).collect();
        let share = 1.0 / to_f32(i32::try_from(directions.len()).unwrap_or(i32::MAX));
        let mut mean = vec![0.0; DIMENSIONS];
        for direction in &directions {
            add_scaled(&mut mean, direction, share);
        }
        let centred: Vec<Vec<f32>> = directions
            .into_iter()
            .map(|mut direction| {
                add_scaled(&mut direction, &mean, -1.0);
                direction
            })
            .collect();
        let mut components: Vec<Vec<f32>> = (0..REMOVED_COMPONENTS)
            .map(|n| (0..DIMENSIONS).map(|at| if at % REMOVED_COMPONENTS == n { 1.0 } else { 0.0 }).collect())
            .collect();
        orthonormalise(&mut components);
        for _ in 0..ITERATIONS {
            components = components
                .iter()
                .map(|component| {
                    let mut next = vec![0.0; DIMENSIONS];
                    for direction in &centred {
                        add_scaled(&mut next, direction, dot(direction, component));
                    }
                    next
                })
                .collect();
            orthonormalise(&mut components);
        }
        let mut statistics = Self { mean, components, sample: Vec::new(), mean_hubness: 0.0 };
        let sampled = |row: &&Row| {
            let residual = Vector::of(&statistics.residual(&row.vector))?;
            let length = residual.length();
            Some((row.id, residual, length))
        };
        statistics.sample = sample.iter().take(HUBNESS_SAMPLE).filter_map(sampled).collect();
        let sampled = statistics.sample.iter().take(MEAN_HUBNESS_SAMPLE);
        let values: Vec<f32> = sampled.map(|(id, vector, _)| statistics.hubness(*id, vector)).collect();
        statistics.mean_hubness = mean_of(&values);
        statistics
    }

    /// The hubness of a vector: its mean similarity to its nearest neighbours in the sample (CSLS; Conneau et al., Word
    /// Translation without Parallel Data, 2018).
    fn hubness(&self, id: Uuid, vector: &Vector) -> f32 {
        let length = vector.length();
        let others = self.sample.iter().filter(|(other, ..)| *other != id);
        let mut near: Vec<f32> = others
            .map(|(_, other, other_length)| {
                to_f32(dot_i8(&vector.0, &other.0)) / (length * other_length).max(f32::MIN_POSITIVE)
            })
            .collect();
        near.sort_unstable_by(|a, b| b.total_cmp(a));
        near.truncate(HUBNESS_NEIGHBOURS);
        mean_of(&near)
    }

    /// The vector without the mean and the first principal components.
    fn residual(&self, vector: &Vector) -> Vec<f32> {
        let mut residual = vector.direction();
        add_scaled(&mut residual, &self.mean, -1.0);
        for component in &self.components {
            let projection = dot(&residual, component);
            add_scaled(&mut residual, component, -projection);
        }
        residual
    }
}

fn normalise(mut of: Vec<f32>) -> Vec<f32> {
    let length = dot(&of, &of).sqrt().max(f32::MIN_POSITIVE);
    of.iter_mut().for_each(|number| *number /= length);
    of
}

fn mean_of(numbers: &[f32]) -> f32 {
    numbers.iter().sum::<f32>() / to_f32(i32::try_from(numbers.len().max(1)).unwrap_or(i32::MAX))
}

/// In [`LANES`] partial sums, so that the compiler vectorises it.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (one, other) in one.chunks_exact(LANES).zip(other.chunks_exact(LANES)) {
        for ((sum, a), b) in sums.iter_mut().zip(one).zip(other) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn add_scaled(to: &mut [f32], what: &[f32], times: f32) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what * times);
}

/// Gram-Schmidt.
fn orthonormalise(components: &mut Vec<Vec<f32>>) {
    let mut done: Vec<Vec<f32>> = Vec::with_capacity(components.len());
    for mut component in components.drain(..) {
        for before in &done {
            let projection = dot(&component, before);
            add_scaled(&mut component, before, -projection);
        }
        let length = dot(&component, &component).sqrt();
        if length > f32::EPSILON {
            component.iter_mut().for_each(|number| *number /= length);
            done.push(component);
        }
    }
    *components = done;
}

struct Row {
    id: Uuid,
    length: f32,
    signs: Signs,
    vector: Vector,
    /// Computed on first use.
    hubness: OnceLock<f32>,
}

impl Row {
    fn hubness(&self, statistics: &Statistics, residual: &[f32]) -> f32 {
        *self.hubness.get_or_init(|| {
            Vector::of(residual).map_or(statistics.mean_hubness, |residual| statistics.hubness(self.id, &residual))
        })
    }
}

/// The vectors of an index's documents.
#[derive(Default)]
pub(crate) struct Vectors {
    slots: HashMap<Uuid, usize>,
    rows: Vec<Row>,
    statistics: Option<Statistics>,
    /// The number of rows at which the statistics are computed again.
    recompute_at: usize,
}

impl Vectors {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn get(&self, id: Uuid) -> Option<&Vector> {
        self.slots.get(&id).map(|slot| &self.rows[*slot].vector)
    }

    pub fn put(&mut self, id: Uuid, vector: Vector) {
        let row = Row { id, length: vector.length(), signs: vector.signs(), vector, hubness: OnceLock::new() };
        match self.slots.get(&id) {
            Some(slot) => self.rows[*slot] = row,
            None => {
                self.slots.insert(id, self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// Computes the hubness of vectors that were just added, so that no query waits for it.
    pub fn compute_hubness(&self, of: &[Uuid]) {
        let Some(statistics) = &self.statistics else { return };
        for row in of.iter().filter_map(|id| Some(&self.rows[*self.slots.get(id)?])) {
            row.hubness(statistics, &statistics.residual(&row.vector));
        }
    }

    /// New statistics, if they are due: whenever the number of vectors has doubled.
    pub fn recomputed_statistics(&self) -> Option<Statistics> {
        if self.rows.len() < STATISTICS_MIN.max(self.recompute_at) {
            return None;
        }
        // Every node samples the same rows, whatever the order of arrival.
        let mut sample: Vec<&Row> = self.rows.iter().collect();
        sample.sort_unstable_by_key(|row| row.id.as_u64_pair().1);
        sample.truncate(STATISTICS_SAMPLE);
        Some(Statistics::of(&sample))
    }

    pub fn set_statistics(&mut self, statistics: Statistics) {
        self.recompute_at = self.rows.len().saturating_mul(2);
        self.rows.iter_mut().for_each(|row| row.hubness = OnceLock::new());
        self.statistics = Some(statistics);
    }

    /// Prepares a query vector.
    pub fn query<'v>(&'v self, vector: &'v Vector) -> VectorQuery<'v> {
        let residual = self.statistics.as_ref().map(|statistics| normalise(statistics.residual(vector)));
        VectorQuery { vectors: self, vector, length: vector.length(), residual }
    }
}

pub(crate) struct VectorQuery<'v> {
    vectors: &'v Vectors,
    vector: &'v Vector,
    length: f32,
    residual: Option<Vec<f32>>,
}

impl VectorQuery<'_> {
    /// The similarity of a document, if it has a vector.
    pub fn neighbour(&self, id: Uuid) -> Option<Neighbour<'_>> {
        let row = &self.vectors.rows[*self.vectors.slots.get(&id)?];
        Some(Neighbour { query: self, row, cosine: self.cosine(row).max(0.0) })
    }

    fn cosine(&self, row: &Row) -> f32 {
        to_f32(dot_i8(&self.vector.0, &row.vector.0)) / (self.length * row.length).max(f32::MIN_POSITIVE)
    }

    /// The `limit` nearest of some documents, nearest first; those without a vector are left out.
    pub fn nearest<A: Copy>(&self, of: impl Iterator<Item = (Uuid, A)>, limit: usize) -> Vec<A> {
        let slots = of.filter_map(|(id, with)| Some((*self.vectors.slots.get(&id)?, with)));
        let all: Vec<(usize, A)> = if self.vectors.len() <= EXACT_MAX {
            slots.collect()
        } else {
            let signs = self.vector.signs();
            let distance = |slot: usize| {
                let other = &self.vectors.rows[slot].signs;
                signs.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
            };
            let mut all: Vec<(u32, usize, A)> = slots.map(|(slot, with)| (distance(slot), slot, with)).collect();
            let reranked = limit.saturating_mul(RERANK_FACTOR);
            if reranked < all.len() {
                all.select_nth_unstable_by_key(reranked, |(distance, slot, _)| (*distance, *slot));
                all.truncate(reranked);
            }
            all.into_iter().map(|(_, slot, with)| (slot, with)).collect()
        };
        let mut near: Vec<(f32, usize, A)> =
            all.into_iter().map(|(slot, with)| (self.cosine(&self.vectors.rows[slot]), slot, with)).collect();
        let nearer = |a: &(f32, usize, A), b: &(f32, usize, A)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if limit < near.len() {
            near.select_nth_unstable_by(limit, nearer);
            near.truncate(limit);
        }
        near.sort_unstable_by(nearer);
        near.into_iter().map(|(.., with)| with).collect()
    }
}

/// A document compared with a query.
pub(crate) struct Neighbour<'v> {
    query: &'v VectorQuery<'v>,
    row: &'v Row,
    pub cosine: f32,
}

impl Neighbour<'_> {
    pub fn similarity(&self) -> VectorSimilarity {
        let Self { query, row, cosine } = *self;
        let topic = match (&query.residual, &query.vectors.statistics) {
            (Some(query), Some(statistics)) => {
                let residual = normalise(statistics.residual(&row.vector));
                let hubness = row.hubness(statistics, &residual);
                (dot(query, &residual) - HUBNESS_PENALTY * (hubness - statistics.mean_hubness)).clamp(0.0, 1.0)
            }
            _ => cosine,
        };
        VectorSimilarity { cosine, topic }
    }
}

/// Beyond [`EXACT_MAX`], candidates that are compared exactly for each wanted result.
const RERANK_FACTOR: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic pseudo-random numbers (xorshift).
    fn vector(seed: u64) -> Vector {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let numbers: Vec<f32> = (0..DIMENSIONS)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                f32::from(u16::try_from(state & 0xFFFF).unwrap_or(0)) / 32_768.0 - 1.0
            })
            .collect();
        Vector::of(&numbers).expect("numbers that are not all zero")
    }

    #[test]
    fn a_vector_is_nearest_to_itself_and_survives_serialization() {
        let mut vectors = Vectors::default();
        let ids: Vec<Uuid> = (1..=300).map(Uuid::from_u128).collect();
        ids.iter().zip(1..).for_each(|(id, seed)| vectors.put(*id, vector(seed)));
        let statistics = vectors.recomputed_statistics().expect("there are enough");
        vectors.set_statistics(statistics);
        let own = vector(7);
        assert_eq!(Vector::from_bytes(&own.to_bytes()), Some(own.clone()));
        let query = vectors.query(&own);
        assert_eq!(query.nearest(ids.iter().map(|id| (*id, *id)), 1), [Uuid::from_u128(7)]);
        let near = query.neighbour(Uuid::from_u128(7)).expect("it is there").similarity();
        assert!((near.cosine - 1.0).abs() < 1e-3 && (near.topic - 1.0).abs() < 1e-3, "{near:?}");
        let far = query.neighbour(Uuid::from_u128(8)).expect("it is there").similarity();
        assert!(far.cosine < 0.3 && far.topic < 0.3, "{far:?}");
    }

    #[test]
    fn a_hub_has_a_lower_topic_similarity_than_an_isolated_vector() {
        let near = |to: &Vector, seed: u64, share: f32| {
            let numbers: Vec<f32> =
                to.direction().iter().zip(vector(seed).direction()).map(|(to, by)| to + share * by).collect();
            Vector::of(&numbers).expect("numbers that are not all zero")
        };
        let query = vector(900);
        // Both are equally near to the query; one of them has many neighbours.
        let (hub_vector, isolated_vector) = (near(&query, 901, 1.0), near(&query, 902, 1.0));
        let mut vectors = Vectors::default();
        (1..=400).for_each(|seed| vectors.put(Uuid::from_u128(seed.into()), vector(seed)));
        // The three largest clusters become the removed components.
        for (place, (around, size)) in [(901, 20), (903, 90), (904, 80), (905, 70)].into_iter().enumerate() {
            for seed in 1..=size {
                let id = u128::try_from(1_000 * (place + 1)).expect("small") + u128::from(seed);
                vectors.put(Uuid::from_u128(id), near(&vector(around), seed + 1_000, 0.3));
            }
        }
        let [hub, isolated] = [9_001, 9_002].map(Uuid::from_u128);
        vectors.put(hub, hub_vector);
        vectors.put(isolated, isolated_vector);
        let statistics = vectors.recomputed_statistics().expect("there are enough");
        vectors.set_statistics(statistics);
        let query = vectors.query(&query);
        let topic = |id| query.neighbour(id).expect("it is there").similarity().topic;
        assert!(topic(hub) < topic(isolated) - 0.05, "{} {}", topic(hub), topic(isolated));
    }

    #[test]
    fn invalid_numbers_give_no_vector() {
        assert_eq!(Vector::of(&[]), None);
        assert_eq!(Vector::of(&[0.0; DIMENSIONS]), None);
        assert_eq!(Vector::of(&[f32::NAN; DIMENSIONS]), None);
        assert_eq!(Vector::from_bytes(&[1, 2, 3]), None);
    }
}
