//! Looking for devices that nobody has configured yet.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::{Lines, Place, Text};

/// Where to look. A driver looks only where its kind of device can be, disturbs nothing that it does not know, and ends within a
/// few seconds a place.
#[derive(Clone)]
pub struct Search {
    /// Serial ports that nobody uses, one after the other: no two drivers speak into one at once.
    pub ports: Vec<Place>,
    /// What opens them.
    pub lines: Arc<dyn Lines>,
    /// Networks that the user has named. Nothing is sent into any other.
    pub subnets: Vec<Subnet>,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("ports", &self.ports).field("subnets", &self.subnets).finish_non_exhaustive()
    }
}

/// An IPv4 network of at most 4096 addresses, such as `192.168.1.0/24`, so that a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    bits: u8,
}

impl Subnet {
    /// Reads `a.b.c.d/n` with n from 20 to 32, or one address; bits behind the network part are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.trim().split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok().filter(|bits| (20..=32).contains(bits))?;
        let base = u32::from(address) & (u32::MAX << (32 - bits));
        Some(Self { base, bits })
    }

    /// Its addresses, without the network's own and the broadcast address where it has them.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let count = 1_u32 << (32 - self.bits);
        let edge = u32::from(count > 2);
        let base = self.base;
        (edge..count - edge).map(move |n| Ipv4Addr::from(base + n))
    }
}

/// A device that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The kind of driver that can serve it.
    pub kind: &'static str,
    /// Where: a port, an address, a name.
    pub place: String,
    /// What it said of itself.
    pub says: Text,
    /// The settings that reach it, each with its value as written in the file (texts with their quotes).
    pub settings: Vec<(&'static str, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_gives_its_hosts_and_no_more_than_a_few_thousand() {
        let addresses = |text| Subnet::parse(text).map(|subnet| subnet.hosts().collect::<Vec<_>>());
        assert_eq!(addresses("10.0.0.8").unwrap(), [Ipv4Addr::new(10, 0, 0, 8)]);
        let all = addresses("192.168.1.77/24").unwrap();
        assert_eq!(
            (all.len(), all[0], all[253]),
            (254, Ipv4Addr::new(192, 168, 1, 1), Ipv4Addr::new(192, 168, 1, 254))
        );
        assert_eq!(addresses("10.0.0.8/31").unwrap().len(), 2);
        assert_eq!(addresses("255.255.255.255/20").unwrap().len(), 4094);
        for wrong in ["10.0.0.0/8", "10.0.0.0/33", "host", "", "10.0.0.0/-1"] {
            assert!(Subnet::parse(wrong).is_none(), "{wrong}");
        }
    }
}
