//! A cache of small look-ups that most requests need. An event that may change them invalidates it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::kernel::{Result, minutes};

/// Changes invalidate the cache at once, and changes of other nodes through the log; expiry is the fallback.
const TTL: std::time::Duration = minutes(1);

pub struct LookupCache<K, V> {
    entries: Cache<K, V>,
    /// Increases with every invalidation, so that a value read before it is not cached after it.
    generation: AtomicU64,
}

impl<K, V> LookupCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Holds at most `max` entries.
    pub fn new(max: u64) -> Self {
        Self { entries: Cache::builder().max_capacity(max).time_to_live(TTL).build(), generation: AtomicU64::new(0) }
    }

    pub fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key)
    }

    /// Drops all entries, because something may have changed.
    pub fn invalidate_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate_all();
    }

    /// The cached values of `keys`; `load` reads the others.
    pub async fn get_or_load<F>(&self, keys: Vec<K>, load: impl FnOnce(Vec<K>) -> F) -> Result<HashMap<K, V>>
    where
        F: Future<Output = Result<Vec<(K, V)>>>,
    {
        let mut found = HashMap::with_capacity(keys.len());
        let mut missing = Vec::new();
        for key in keys {
            match self.entries.get(&key) {
                Some(value) => drop(found.insert(key, value)),
                None => missing.push(key),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let generation = self.generation.load(Ordering::SeqCst);
        for (key, value) in load(missing).await? {
            self.entries.insert(key.clone(), value.clone());
            // Invalidated between reading and inserting: do not cache it.
            if self.generation.load(Ordering::SeqCst) != generation {
                self.entries.invalidate(&key);
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
    async fn cached_values_are_not_loaded_again_until_invalidated() {
        let cache = LookupCache::new(10);
        cache.get_or_load(vec![1, 2], async |keys| double(keys)).await.unwrap();
        let found = cache.get_or_load(vec![2, 3], async |keys| {
            assert_eq!(keys, [3]);
            double(keys)
        });
        assert_eq!(found.await.unwrap(), HashMap::from([(2, 4), (3, 6)]));
        cache.invalidate_all();
        assert_eq!(cache.get(&2), None);
    }

    #[tokio::test]
    async fn a_value_loaded_before_an_invalidation_is_not_cached_after_it() {
        let cache = LookupCache::new(10);
        let found = cache.get_or_load(vec![1], async |keys| {
            cache.invalidate_all();
            double(keys)
        });
        assert_eq!(found.await.unwrap(), HashMap::from([(1, 2)]));
        assert_eq!(cache.get(&1), None);
    }
}
