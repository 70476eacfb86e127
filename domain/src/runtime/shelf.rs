//! Small look-ups that nearly every request needs, kept in memory and forgotten as soon as an event says that they may
//! have changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::kernel::{Result, minutes};

/// A change is heard at once, or, made by another node, through the log; this is the net below it.
const LIFE: std::time::Duration = minutes(1);

pub struct Shelf<K, V> {
    kept: Cache<K, V>,
    /// Rises with every change: what was read before it is not kept after it.
    age: AtomicU64,
}

impl<K, V> Shelf<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Keeps so many at most.
    pub fn new(max: u64) -> Self {
        Self { kept: Cache::builder().max_capacity(max).time_to_live(LIFE).build(), age: AtomicU64::new(0) }
    }

    pub fn get(&self, key: &K) -> Option<V> {
        self.kept.get(key)
    }

    /// Something may have changed.
    pub fn forget_all(&self) {
        self.age.fetch_add(1, Ordering::SeqCst);
        self.kept.invalidate_all();
    }

    /// What is kept of these, and the rest as `load` reads it.
    pub async fn get_or_load<F>(&self, keys: Vec<K>, load: impl FnOnce(Vec<K>) -> F) -> Result<HashMap<K, V>>
    where
        F: Future<Output = Result<Vec<(K, V)>>>,
    {
        let mut found = HashMap::with_capacity(keys.len());
        let mut missing = Vec::new();
        for key in keys {
            match self.kept.get(&key) {
                Some(value) => drop(found.insert(key, value)),
                None => missing.push(key),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let age = self.age.load(Ordering::SeqCst);
        for (key, value) in load(missing).await? {
            self.kept.insert(key.clone(), value.clone());
            // Read before a change and put here after it: not kept.
            if self.age.load(Ordering::SeqCst) != age {
                self.kept.invalidate(&key);
            }
            found.insert(key, value);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(keys: Vec<u32>) -> Result<Vec<(u32, u32)>> {
        Ok(keys.into_iter().map(|key| (key, 2 * key)).collect())
    }

    #[tokio::test]
    async fn what_is_kept_is_not_read_again_until_something_changes() {
        let shelf = Shelf::new(10);
        shelf.get_or_load(vec![1, 2], async |keys| double(keys)).await.unwrap();
        let found = shelf.get_or_load(vec![2, 3], async |keys| {
            assert_eq!(keys, [3]);
            double(keys)
        });
        assert_eq!(found.await.unwrap(), HashMap::from([(2, 4), (3, 6)]));
        shelf.forget_all();
        assert_eq!(shelf.get(&2), None);
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_kept_after_it() {
        let shelf = Shelf::new(10);
        let found = shelf.get_or_load(vec![1], async |keys| {
            shelf.forget_all();
            double(keys)
        });
        assert_eq!(found.await.unwrap(), HashMap::from([(1, 2)]));
        assert_eq!(shelf.get(&1), None);
    }
}
