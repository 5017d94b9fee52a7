//! Links, and the tags and frames of switches and access points.

use sip_core::layer::Layer;
use sip_core::limits::Limits;

use super::{carries, disposition, joined, sip};
use crate::build::*;
use crate::witness::Capture;

#[test]
fn tags_of_switches() {
    let tagged = |ethertype: u16, tag: &[u8]| ethernet(ethertype, &joined(&[tag, &[0x08, 0x00], &sip()]));
    carries(ETHERNET, &tagged(0x8926, &[0, 1, 0, 2]), &[Layer::new(&"vntag")]);
    carries(ETHERNET, &tagged(0x893F, &[0, 0, 0, 1, 0, 0]), &[Layer::new(&"etag")]);
    carries(ETHERNET, &tagged(0x8909, &[1, 1, 0, 1, 0, 2]), &[Layer::new(&"cisco_metadata")]);
    // Two options: 8 bytes of them.
    carries(ETHERNET, &tagged(0x8909, &[1, 2, 0, 1, 0, 2, 0, 2, 0, 3]), &[Layer::new(&"cisco_metadata")]);
    // 64 and 48 bits; of the clock UTC.
    carries(ETHERNET, &tagged(0xD28B, &[0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5]), &[Layer::new(&"arista_time")]);
    carries(ETHERNET, &tagged(0xD28B, &[0, 1, 1, 0x20, 3, 4, 0, 0, 0, 5]), &[Layer::new(&"arista_time")]);
    let frame = ethernet(0x0800, &sip());
    carries(ETHERNET, &ethernet(0x8903, &joined(&[&[4, 5], &frame])), &[Layer::new(&"fabricpath")]);
    // A VLAN tag behind it, an LLC frame behind it.
    let behind = |rest: &[u8]| ethernet(0x8926, &joined(&[&[0, 1, 0, 2], rest, &sip()]));
    let capture = carries(ETHERNET, &behind(&[0x81, 0, 0, 100, 8, 0]), &[Layer::new(&"vntag")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.vlans(), [100]);
    carries(ETHERNET, &behind(&[0, 200, 0xAA, 0xAA, 3, 0, 0, 0, 8, 0]), &[Layer::new(&"vntag")]);
    assert_eq!(disposition(ETHERNET, &ethernet(0x8909, &[2, 0, 0, 0, 8, 0])).0, "cisco_metadata/malformed");
    assert_eq!(disposition(ETHERNET, &ethernet(0xD28B, &[0, 2, 0, 0x10, 1, 2, 3, 4])).0, "link/ethertype_0xd28b");
    for ethertype in [0x8926, 0x893F, 0x8903, 0x8909, 0xD28B] {
        assert!(disposition(ETHERNET, &ethernet(ethertype, &[1])).0.ends_with("/malformed"));
    }
}

/// IEEE 802.1AE §9.3: the bits E and C are clear where integrity alone is protected.
#[test]
fn macsec_that_does_not_encrypt() {
    let frame = |control: u8, rest: &[u8], icv: usize| {
        let tag = [&[control, 0, 0, 0, 0, 1][..], rest].concat();
        ethernet(0x88E5, &joined(&[&tag, &[0x08, 0x00], &sip(), &vec![0xA5; icv]]))
    };
    carries(ETHERNET, &frame(0x20, &[2, 0, 0, 0, 0, 1, 0, 1], 16), &[Layer::new(&"macsec")]);
    carries(ETHERNET, &frame(0x00, &[], 16), &[Layer::new(&"macsec")]);
    for control in [0x0C, 0x2C, 0x04, 0x08, 0x80] {
        let (disposition, codes) = disposition(ETHERNET, &frame(control, &[7; 8], 16));
        assert_eq!((&*disposition, &*codes), ("link/ethertype_macsec", &[][..]));
    }
}

#[test]
fn frames_between_switches() {
    let isl = |kind: u8, vlan: u16| {
        let head = [1, 0, 0x0C, 0, 0, kind, 0, 1, 2, 3, 4, 5, 0, 90, 0xAA, 0xAA, 3, 0, 1, 2];
        joined(&[&head, &(vlan << 1).to_be_bytes(), &[0; 4], &ethernet(0x0800, &sip())])
    };
    let capture = carries(ETHERNET, &isl(0, 100), &[Layer::new(&"isl")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.vlans(), [100]);
    // Token ring inside.
    assert_eq!(disposition(ETHERNET, &isl(0x10, 100)).0, "link/llc");
}

/// A header that ends anywhere leads nowhere, and to no panic.
#[test]
fn every_tag_cut_anywhere() {
    let frames = [
        ethernet(0x8926, &joined(&[&[0, 1, 0, 2, 8, 0], &sip()])),
        ethernet(0x893F, &joined(&[&[0, 0, 0, 1, 0, 0, 8, 0], &sip()])),
        ethernet(0x8903, &joined(&[&[4, 5], &ethernet(0x0800, &sip())])),
        ethernet(0x8909, &joined(&[&[1, 1, 0, 1, 0, 2, 8, 0], &sip()])),
        ethernet(0xD28B, &joined(&[&[0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5, 8, 0], &sip()])),
        ethernet(0x88E5, &joined(&[&[0, 0, 0, 0, 0, 1, 8, 0], &sip(), &[7; 16]])),
        ethernet(0x894F, &joined(&[&[0x0F, 0xC2, 2, 1, 0, 0, 1, 0xFF], &sip()])),
        joined(&[&[1, 0, 0x0C, 0, 0, 0], &[0; 8], &[0xAA, 0xAA, 3, 0, 1, 2, 0, 2], &[0; 4], &ethernet(0x0800, &sip())]),
        ethernet(0x0800, &udp_between(1, 5247, &joined(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], &ethernet(0x0800, &sip())]))),
        ethernet(0x0800, &udp_between(1, 47290, &checksummed(sip()))),
        ethernet(0x0800, &udp_between(9899, 9899, &sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS")])[20..])),
        ethernet(0x0800, &udp_between(3544, 50_000, &joined(&[&[0, 1, 0, 0], &[0; 9], &ipv6(17, &udp(b"OPTIONS"))]))),
    ];
    for frame in &frames {
        for length in 0..frame.len() - 7 {
            let mut capture = Capture::new(ETHERNET);
            capture.packet(&frame[..length]);
            capture.finish();
            let found = capture.bytes().iter().any(|bytes| bytes.as_slice() == b"OPTIONS");
            assert!(!found, "{length} bytes of {frame:02x?}");
        }
    }
}

#[test]
fn mpls_with_ip_and_pseudowires() {
    let labels = [0, 0x3E, 0x80, 60, 0, 0x7D, 0x01, 60];
    let mpls = |payload: &[u8]| ethernet(0x8847, &joined(&[&labels, payload]));
    carries(ETHERNET, &mpls(&sip()), &[Layer::new(&"mpls")]);
    carries(ETHERNET, &mpls(&ipv6(17, &udp(b"OPTIONS"))), &[Layer::new(&"mpls")]);
    let frame = ethernet(0x0800, &sip());
    carries(ETHERNET, &mpls(&joined(&[&[0, 0, 0, 5], &frame])), &[Layer::new(&"mpls")]);
    carries(ETHERNET, &mpls(&frame), &[Layer::new(&"mpls")]);
    // A hardware address whose first nibble is that of IPv4 (RFC 4928 §3), without a control word.
    let mut frame = frame;
    frame[0] = 0x45;
    carries(ETHERNET, &mpls(&frame), &[Layer::new(&"mpls")]);
    assert_eq!(disposition(ETHERNET, &mpls(&[0x10; 20])).0, "mpls/signalling");
    assert_eq!(disposition(ETHERNET, &mpls(&[0xA0; 20])).0, "mpls/not_ip");
}

#[test]
fn pppoe_trusts_its_length() {
    let mut session = joined(&[&[0x11, 0, 0, 1, 0, 2 + sip().len() as u8, 0, 0x21], &sip()]);
    session.resize(60, 0);
    carries(ETHERNET, &ethernet(0x8864, &session), &[Layer::new(&"pppoe")]);
    carries(51, &session, &[Layer::new(&"pppoe")]);
    assert_eq!(disposition(ETHERNET, &ethernet(0x8864, &[0x11, 0, 0, 1, 0, 2, 0xC0, 0x21])).0, "ppp/ppp_protocol_lcp");
    assert_eq!(disposition(ETHERNET, &ethernet(0x8864, &[0x21, 0, 0, 1, 0, 2, 0, 0x21])).0, "pppoe/malformed");
}

#[test]
fn links_that_are_rare() {
    let with = |link: u16, header: &[u8]| drop(carries(link, &joined(&[header, &sip()]), &[]));
    with(9, &[0xFF, 3, 0, 0x21]);
    with(50, &[0x21]);
    with(204, &[1, 0xFF, 3, 0, 0x21]);
    with(100, &[0xAA, 0xAA, 3, 0, 0, 0, 8, 0]);
    with(104, &[0x0F, 0, 8, 0]);
    with(107, &[0x18, 0x41, 3, 0xCC]);
    with(107, &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]);
    with(107, &[0x18, 0x41, 8, 0]);
    with(109, &[2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    with(192, &[0, 0, 8, 0, 101, 0, 0, 0]);
    with(258, &[16, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0]);
    with(226, &[0; 24]);
    // Netfilter: a prefix, then the packet; in either byte order.
    let length = (4 + sip().len()) as u8;
    with(239, &[2, 0, 0, 5, 8, 0, 10, 0, b's', b'i', b'p', 0, length, 0, 9, 0]);
    with(239, &[2, 0, 0, 5, 0, 8, 0, 10, b's', b'i', b'p', 0, 0, length, 0, 9]);
    // Endace: an Ethernet record with an extension header.
    let erf = [&[0; 8][..], &[0x82, 4, 0, 0, 0, 0, 0, 0], &[0; 8], &[0, 0], &ethernet(0x0800, &[])].concat();
    with(197, &erf);
    carries(219, &joined(&[&[0, 0, 0x11, 64], &sip()]), &[Layer::new(&"mpls")]);
}

#[test]
fn sctp_without_ip() {
    let packet = sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS")]);
    let capture = carries(248, &packet[20..], &[]);
    assert!(capture.seen.datagrams[0].flow.src.is_unspecified());
}

/// To the access point, QoS, not protected: 26 bytes in front of LLC.
fn data_frame(flags: u8, qos: u8) -> Vec<u8> {
    [&[0x88, flags, 0, 0][..], &[2; 18], &[0, 0], &[qos, 0]].concat()
}

#[test]
fn unprotected_wlan() {
    let llc = joined(&[&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &sip()]);
    carries(105, &joined(&[&data_frame(1, 0), &llc]), &[]);
    // Four addresses; a radiotap header whose flags tell of padding to 28 bytes; without QoS.
    carries(105, &joined(&[&[0x88, 3, 0, 0], &[2; 26], &[0, 0], &llc]), &[]);
    let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
    carries(127, &joined(&[&radiotap, &data_frame(1, 0), &[0, 0], &llc]), &[]);
    carries(127, &joined(&[&[0, 0, 8, 0, 0, 0, 0, 0], &[0x08, 2, 0, 0], &[2; 20], &llc]), &[]);
    assert_eq!(disposition(105, &joined(&[&data_frame(0x41, 0), &[0; 40]])).0, "wlan/encrypted");
    assert_eq!(disposition(105, &[0x80; 40]).0, "wlan/signalling");
}

#[test]
fn frames_aggregated_on_wlan() {
    let llc = joined(&[&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &sip()]);
    let mut subframe = [&[2; 12][..], &(llc.len() as u16).to_be_bytes(), &llc].concat();
    subframe.resize(subframe.len().next_multiple_of(4), 0);
    let mut capture = Capture::new(105);
    assert_eq!(capture.packet(&joined(&[&data_frame(1, 0x80), &subframe, &subframe])), "sip/message");
    assert_eq!(capture.bytes(), [b"OPTIONS", b"OPTIONS"]);
}

#[test]
fn vlans_are_remembered_wherever_they_are() {
    let inner = ethernet(0x8100, &joined(&[&[0, 100, 8, 0], &sip()]));
    let vxlan = udp_between(1, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 42, 0], &inner]));
    // Priority 5 and VLAN 0 outside: a priority tag names no VLAN.
    let frame = ethernet(0x88A8, &joined(&[&[0xA0, 0, 0x81, 0], &[0x60, 200, 8, 0], &vxlan]));
    let capture = carries(ETHERNET, &frame, &[Layer::new(&"vxlan")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.vlans(), [200, 100]);
}

#[test]
fn a_link_type_that_the_user_names() {
    let mut capture = Capture::with(147, &Limits::default()).reading(147, ETHERNET);
    assert_eq!(capture.packet(&ethernet(0x0800, &sip())), "sip/message");
    let (disposition, codes) = disposition(147, &ethernet(0x0800, &sip()));
    assert_eq!((&*disposition, &*codes), ("link/unknown_link_type_147", &["link_type_unknown"][..]));
}

#[test]
fn link_types_have_the_names_of_the_registry() {
    use sip_core::net::{link_type_name, link_type_number};
    assert_eq!(link_type_name(276).as_deref(), Some("LINUX_SLL2"));
    assert_eq!(link_type_name(162).as_deref(), Some("USER15"));
    assert_eq!(link_type_number("USER0"), Some(147));
    assert_eq!(link_type_number("ETHERNET"), Some(1));
    assert_eq!(link_type_number("101"), Some(101));
    assert_eq!(link_type_number("USER16"), None);
    assert_eq!(link_type_number("TOKEN"), None);
}
