//! The keys of security associations, by what their packets show: addresses and SPI.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;

use super::transform::Transform;

/// Associations of one SPI that are tried, the latest first: an SPI is chosen anew with each registration.
const TRIED: usize = 8;

/// Keys that somebody gave; what is not said is any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub src: Option<IpAddr>,
    pub dst: Option<IpAddr>,
    pub spi: Option<u32>,
    pub transform: Arc<Transform>,
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    by_spi: HashMap<u32, Vec<Given>>,
    any_spi: Vec<Given>,
    found: HashMap<u32, Vec<Arc<Transform>>>,
    /// How many keys were found so far: who asked before need not ask again.
    version: u64,
    max_found: usize,
}

impl Keyring {
    /// `max_found`: SPIs of which keys are kept that the capture has.
    pub fn new(given: &[Given], max_found: usize) -> Self {
        let mut keyring = Self { max_found, version: 1, ..Self::default() };
        for given in given {
            match given.spi {
                Some(spi) => keyring.by_spi.entry(spi).or_default().push(given.clone()),
                None => keyring.any_spi.push(given.clone()),
            }
        }
        keyring
    }

    /// Keys that were found for an SPI.
    pub fn find(&mut self, spi: u32, transform: Arc<Transform>) {
        if self.found.len() >= self.max_found {
            self.found.clear();
        }
        let found = self.found.entry(spi).or_default();
        if found.first() == Some(&transform) {
            return;
        }
        found.retain(|other| *other != transform);
        found.insert(0, transform);
        found.truncate(TRIED);
        self.version += 1;
    }

    /// Changes whenever there is more to try.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Those that an association may have, given before found.
    pub fn of(&self, src: IpAddr, dst: IpAddr, spi: u32) -> impl Iterator<Item = &Arc<Transform>> {
        let given = self.by_spi.get(&spi).into_iter().flatten().chain(&self.any_spi);
        let fits = move |given: &&Given| given.src.is_none_or(|it| it == src) && given.dst.is_none_or(|it| it == dst);
        given.filter(fits).map(|given| &given.transform).chain(self.found.get(&spi).into_iter().flatten())
    }

    /// Are there keys of its own for this SPI?
    pub fn has(&self, spi: u32) -> bool {
        self.by_spi.contains_key(&spi) || self.found.contains_key(&spi)
    }
}
