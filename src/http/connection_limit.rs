use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections beyond a limit are accepted. Their health probes are answered, and their
/// other requests get 503.
pub const EXTRA_CONNECTIONS: u32 = 32;

/// The limits of a listener's open connections: of all, and of those of one address.
///
/// When all connections and all extra ones are open, further ones wait in the kernel's backlog. If
/// an address has too many and no extra connection is free, its connection is closed at once, so
/// that others do not wait behind it.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    connections: Arc<Semaphore>,
    extra: Arc<Semaphore>,
    /// Zero for no limit.
    per_address: u32,
    addresses: Addresses,
}

/// A connection's place. It is free when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    _address: Option<AddressGuard>,
    /// Whether the connection is beyond one of the limits.
    pub(super) is_over_limit: bool,
}

impl ConnectionLimit {
    pub(super) fn new(connections: u32, per_address: u32) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        let (connections, extra) = (semaphore(connections), semaphore(EXTRA_CONNECTIONS));
        Self { connections, extra, per_address, addresses: Addresses::default() }
    }

    /// Takes a place first and accepts a connection then, so that connections without a place stay
    /// in the kernel's backlog.
    pub(super) async fn accept(&self, listener: &mut TcpListener) -> (Place, TcpStream) {
        loop {
            let (mut permit, mut is_over_limit) = self.permit().await;
            let (stream, peer) = Listener::accept(listener).await;
            let address = (self.per_address > 0).then(|| self.addresses.add(peer.ip()));
            let count = address.as_ref().map_or(0, |address| address.count);
            if count > self.per_address && !is_over_limit {
                let Ok(extra) = Arc::clone(&self.extra).try_acquire_owned() else { continue };
                (permit, is_over_limit) = (Some(extra), true);
            }
            let place = Place { _permit: permit, _address: address, is_over_limit };
            return (place, stream);
        }
    }

    /// A permit, and whether it is an extra one.
    async fn permit(&self) -> (Option<OwnedSemaphorePermit>, bool) {
        let (connections, extra) = (Arc::clone(&self.connections), Arc::clone(&self.extra));
        tokio::select! {
            biased;
            permit = connections.acquire_owned() => (permit.ok(), false),
            permit = extra.acquire_owned() => (permit.ok(), true),
        }
    }
}

/// How many connections each address has open.
#[derive(Debug, Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// A connection that is counted for its address until this is dropped.
#[derive(Debug)]
struct AddressGuard {
    addresses: Addresses,
    address: IpAddr,
    /// The connections of this address, this one included, when it was accepted.
    count: u32,
}

impl Addresses {
    fn add(&self, address: IpAddr) -> AddressGuard {
        let address = counted_address(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        *count += 1;
        AddressGuard { addresses: self.clone(), address, count: *count }
    }
}

impl Drop for AddressGuard {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// The address that a connection is counted for: of IPv6 the first 64 bits, because one caller has
/// all addresses of such a network.
fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_by_address_and_by_network_of_ipv6() {
        let addresses = Addresses::default();
        let add = |text: &str| addresses.add(text.parse().unwrap());
        let open = [add("10.0.0.1"), add("::ffff:10.0.0.1"), add("10.0.0.2")];
        assert_eq!(open.each_ref().map(|guard| guard.count), [1, 2, 1]);
        let network = [add("2001:db8::1"), add("2001:db8::ffff:1"), add("2001:db8:0:1::1")];
        assert_eq!(network.each_ref().map(|guard| guard.count), [1, 2, 1]);
        drop((open, network));
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
