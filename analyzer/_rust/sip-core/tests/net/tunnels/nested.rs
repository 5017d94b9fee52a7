//! Tunnels in tunnels, and fragments and streams in and beside them.

use sip_core::layer::Layer;

use super::{carries, disposition, ipcomp, joined, sip};
use crate::build::*;
use crate::witness::Capture;

#[test]
fn tunnels_in_tunnels_up_to_the_limit() {
    let gre = |packet: &[u8]| ipv4(47, 0, &joined(&[&[0, 0, 8, 0], packet]));
    let mut packet = ipv4(4, 0, &gre(&sip()));
    packet = gtpu(0x30, &packet);
    carries(RAW, &packet, &[Layer::new(&"gtpu"), Layer::new(&"ipip"), Layer::new(&"gre")]);
    for _ in 0..40 {
        packet = ipv4(4, 0, &packet);
    }
    let (disposition, codes) = disposition(RAW, &packet);
    assert_eq!((&*disposition, &*codes), ("ip/too_deep", &["layer_limit"][..]));
}

/// Every tunnel in every other in every third: what is inside comes out, and the three are named from the outside in.
#[test]
fn every_tunnel_in_every_other() {
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let tunnels: [(&[Layer], Wrap); 33] = [
        (&[Layer::new(&"l2tpv3")], |packet| {
            ipv4(115, 0, &joined(&[&[0, 0, 0, 7, 1, 2, 3, 4], &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"ipcomp"), Layer::new(&"ipip")], |packet| ipv4(108, 0, &ipcomp(4, 2, packet))),
        (&[Layer::new(&"etherip"), Layer::new(&"vntag")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x8926, &joined(&[&[0, 1, 0, 2, 8, 0], packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"etag")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x893F, &joined(&[&[0, 0, 0, 1, 0, 0, 8, 0], packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"fabricpath")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x8903, &joined(&[&[4, 5], &ethernet(0x0800, packet)]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"cisco_metadata")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x8909, &joined(&[&[1, 1, 0, 1, 0, 2, 8, 0], packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"arista_time")], |packet| {
            let stamp = [0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5, 8, 0];
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0xD28B, &joined(&[&stamp, packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"macsec")], |packet| {
            let tagged = joined(&[&[0, 0, 0, 0, 0, 1, 8, 0], packet, &[7; 16]]);
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x88E5, &tagged)]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"nsh")], |packet| {
            let chained = joined(&[&[0x0F, 0xC2, 2, 1, 0, 0, 1, 0xFF], packet]);
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x894F, &chained)]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"isl")], |packet| {
            let head = [1, 0, 0x0C, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 90, 0xAA, 0xAA, 3, 0, 1, 2, 0, 200, 0, 0, 0, 0];
            ipv4(97, 0, &joined(&[&[0x30, 0], &head, &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"mpls")], |packet| udp_between(1, 6635, &joined(&[&[0, 0, 0x11, 64], packet]))),
        (&[Layer::new(&"capwap")], |packet| {
            let frame = ethernet(if packet[0] >> 4 == 6 { 0x86DD } else { 0x0800 }, packet);
            udp_between(1, 5247, &joined(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], &frame]))
        }),
        (&[Layer::new(&"ip_in_udp")], |packet| udp_between(1, 47290, &checksummed(packet.to_vec()))),
        (&[Layer::new(&"lisp")], |packet| udp_between(1, 4341, &joined(&[&[0x80, 0, 0, 0, 0, 0, 0, 1], packet]))),
        (&[Layer::new(&"gtpu")], |packet| gtpu(0x30, packet)),
        (&[Layer::new(&"gtpu")], |packet| gtpu(0x34, &joined(&[&[0, 0, 0, 0x85], &[1, 0, 5, 0], packet]))),
        (&[Layer::new(&"gre")], |packet| ipv4(47, 0, &joined(&[&[0, 0, 8, 0], packet]))),
        (&[Layer::new(&"gre")], |packet| {
            ipv4(47, 0, &joined(&[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 1], &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"gre")], |packet| {
            let length = (packet.len() + 2) as u16;
            let key = joined(&[&[0x20, 0x01, 0x88, 0x0B], &length.to_be_bytes(), &[0, 1]]);
            ipv4(47, 0, &joined(&[&key, &[0, 0x21], packet]))
        }),
        (&[Layer::new(&"gre"), Layer::new(&"mpls")], |packet| {
            ipv4(47, 0, &joined(&[&[0, 0, 0x88, 0x47], &[0, 0x3E, 0x80, 60, 0, 0x7D, 0x01, 60], packet]))
        }),
        (&[Layer::new(&"gre"), Layer::new(&"erspan")], |packet| {
            let header = [0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x11, 0x2C, 0, 1, 0, 0, 0, 0];
            ipv4(47, 0, &joined(&[&header, &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"ipip")], |packet| ipv4(4, 0, packet)),
        // Two at once: what is inside has to be IPv4 again.
        (&[Layer::new(&"6in4"), Layer::new(&"4in6")], |packet| ipv4(41, 0, &ipv6(4, packet))),
        (&[Layer::new(&"mpls")], |packet| ipv4(137, 0, &joined(&[&[0, 0, 0x11, 64], packet]))),
        (&[Layer::new(&"etherip")], |packet| ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x0800, packet)]))),
        (&[Layer::new(&"l2tp")], |packet| {
            udp_between(1701, 1701, &joined(&[&[0, 2, 0, 1, 0, 1, 0xFF, 3, 0, 0x21], packet]))
        }),
        (&[Layer::new(&"vxlan")], |packet| {
            let tagged = ethernet(0x8100, &joined(&[&[0, 100, 8, 0], packet]));
            udp_between(50_000, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 42, 0], &tagged]))
        }),
        (&[Layer::new(&"vxlan"), Layer::new(&"pppoe")], |packet| {
            let length = (packet.len() + 2) as u16;
            let session = joined(&[&[0x11, 0, 0, 1], &length.to_be_bytes(), &[0, 0x21], packet]);
            udp_between(50_000, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x8864, &session)]))
        }),
        (&[Layer::new(&"geneve")], |packet| {
            let header = [2, 0x40, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 0x83, 1, 0, 0, 0, 0];
            udp_between(50_000, 6081, &joined(&[&header, &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"tzsp")], |packet| {
            udp_between(1, 37008, &joined(&[&[1, 0, 0, 1, 1], &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"ah"), Layer::new(&"ipip")], |packet| {
            ipv4(51, 0, &joined(&[&[4, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1], &[0xA5; 12], packet]))
        }),
        // Tunnel mode is ESP with an IP packet inside.
        (&[Layer::new(&"esp"), Layer::new(&"ipip")], |packet| {
            ipv4(50, 0, &esp(9, 4, &checksummed(packet.to_vec()), 12))
        }),
        (&[Layer::new(&"esp"), Layer::new(&"ipip")], |packet| {
            udp_between(4500, 4500, &esp(10, 4, &checksummed(packet.to_vec()), 16))
        }),
    ];
    for (outer, around) in tunnels {
        for (middle, between) in tunnels {
            for (inner, inside) in tunnels {
                carries(RAW, &around(&between(&inside(&sip()))), &[outer, middle, inner].concat());
            }
        }
    }
}

#[test]
fn fragments_inside_and_outside_a_tunnel() {
    let datagram = udp(&[b'O'; 300]);
    let (head, tail) = datagram.split_at(160);
    let inner = [fragment(7, 0, true, head), fragment(7, 160, false, tail)];
    let mut capture = Capture::new(RAW);
    for (ident, packet) in inner.iter().enumerate() {
        let whole = gtpu(0x30, packet);
        // The outer packet in two fragments of its own, the second one first.
        let (head, tail) = whole[20..].split_at(96);
        let ident = ident as u16;
        capture.packet(&ipv4_between(A, B, 17, 100 + ident, 12, tail));
        capture.packet(&ipv4_between(A, B, 17, 100 + ident, 1 << 13, head));
    }
    capture.finish();
    assert_eq!(capture.bytes(), [vec![b'O'; 300]]);
    assert_eq!(capture.seen.ledger["sip/message"], 4);
    assert_eq!(capture.seen.datagrams[0].encapsulation.tunnels(), [Layer::new(&"gtpu")]);
}

#[test]
fn tcp_in_a_tunnel_and_beside_it_is_one_stream() {
    let mut capture = Capture::new(RAW);
    for segment in [client(100, SYN, b""), client(101, 0, b"OPTIONS"), client(108, 0, b" sip:x")] {
        capture.packet(&gtpu(0x30, &segment));
        capture.packet(&segment);
    }
    capture.finish();
    let streams = capture.streams();
    assert_eq!((streams.len(), &*streams[0].bytes), (1, &b"OPTIONS sip:x"[..]));
    assert_eq!(capture.seen.ledger["tcp/repeated"], 2);
}
