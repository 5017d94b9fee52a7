//! IEEE 802.11 data frames that are not protected, and the headers that capture tools put in front of them.

use super::cursor::{Cursor, be16};
use super::disposition::{Disposition, Reason};
use super::next_header::NextHeader;
use crate::layer::Layer;

/// Radiotap: version, pad, length (little-endian), fields that are present. Of the fields only the flags matter, which say
/// whether the 802.11 header is padded to a multiple of 4 bytes.
pub(super) fn radiotap(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    const MORE: u32 = 1 << 31;
    const TSFT: u32 = 1;
    const FLAGS: u32 = 2;
    const DATA_PAD: u8 = 0x20;
    let short = cursor.short(Layer::WLAN);
    let (&[_, _, l0, l1, ref present @ ..], _) = cursor.header::<8>().ok_or(short)?;
    let (length, present) = (usize::from(be16(l1, l0)), u32::from_le_bytes(*present));
    let frame = cursor.skip(length.max(8)).ok_or(short)?;
    if present & FLAGS == 0 {
        return data_frame(frame, false);
    }
    // Further words of bits follow as long as the highest one is set; the timestamp is aligned to 8 bytes.
    let header = cursor.bytes.get(4..length).unwrap_or_default();
    let words = header.chunks_exact(4).take_while(|word| word[3] & (MORE >> 24) as u8 != 0).count() + 1;
    let fields = 4 + words * 4;
    let flags_at = if present & TSFT == 0 { fields } else { fields.next_multiple_of(8) + 8 };
    let padded = cursor.bytes.get(..length).and_then(|header| header.get(flags_at)).is_some_and(|f| f & DATA_PAD != 0);
    data_frame(frame, padded)
}

/// AVS and Prism headers have their length, network or host order, at byte 4.
pub(super) fn length_at_4(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let short = cursor.short(Layer::WLAN);
    let (&[_, _, _, _, l0, l1, l2, l3], _) = cursor.header::<8>().ok_or(short)?;
    let length = u32::from_be_bytes([l0, l1, l2, l3]).min(u32::from_le_bytes([l0, l1, l2, l3]));
    data_frame(cursor.skip(length as usize).ok_or(short)?, false)
}

/// Frame control, duration, three addresses, sequence control (IEEE 802.11 §9.2.3, §9.3.2); then a fourth address between
/// distribution systems, QoS control, and HT control where the frame says so. What follows is LLC.
pub(super) fn data_frame(cursor: Cursor<'_>, padded: bool) -> Result<NextHeader<'_>, Disposition> {
    let (&[control, flags], _) = cursor.header::<2>().ok_or(cursor.short(Layer::WLAN))?;
    body(cursor, control, flags, padded)
}

/// A data frame whose bytes of frame control are the other way round, as access points of Cisco have them in CAPWAP; `None`
/// for a frame that is right, or none.
pub(super) fn swapped(cursor: Cursor<'_>) -> Option<Result<NextHeader<'_>, Disposition>> {
    // Version 0, type 2.
    let is_data = |control: u8| control & 0x0F == 0x08;
    match *cursor.bytes {
        [flags, control, ..] if is_data(control) && !is_data(flags) => Some(body(cursor, control, flags, false)),
        _ => None,
    }
}

/// What is behind the header with this frame control.
fn body(cursor: Cursor<'_>, control: u8, flags: u8, padded: bool) -> Result<NextHeader<'_>, Disposition> {
    const TO_AND_FROM_DS: u8 = 0x03;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    const AGGREGATE: u8 = 0x80;
    let short = cursor.short(Layer::WLAN);
    let (kind, subtype) = (control >> 2 & 0x03, control >> 4);
    if control & 0x03 != 0 || kind == 3 {
        return Err(Disposition::new(Layer::WLAN, Reason::Malformed));
    }
    if kind != 2 {
        return Err(Disposition::new(Layer::WLAN, Reason::Signalling));
    }
    if subtype & 0x04 != 0 {
        return Err(Disposition::new(Layer::WLAN, Reason::NoPayload));
    }
    if flags & PROTECTED != 0 {
        return Err(Disposition::new(Layer::WLAN, Reason::Encrypted(None)));
    }
    let mut header = if flags & TO_AND_FROM_DS == TO_AND_FROM_DS { 30 } else { 24 };
    let mut aggregate = false;
    if subtype & 0x08 != 0 {
        aggregate = cursor.bytes.get(header).is_some_and(|qos| qos & AGGREGATE != 0);
        header += 2;
        if flags & ORDER != 0 {
            header += 4;
        }
    }
    if padded {
        header = header.next_multiple_of(4);
    }
    let body = cursor.skip(header).ok_or(short)?;
    Ok(if aggregate { NextHeader::Aggregate(body) } else { NextHeader::Llc(body) })
}

/// The first frame of an A-MSDU (§9.3.2.2): addresses, length, LLC; and where the next one begins, after padding to 4.
pub(super) fn subframe(cursor: Cursor<'_>) -> Result<(Cursor<'_>, Option<Cursor<'_>>), Disposition> {
    let (&[.., l1, l0], rest) = cursor.header::<14>().ok_or(cursor.short(Layer::WLAN))?;
    let length = u32::from(be16(l1, l0));
    let next = rest.skip((14 + length as usize).next_multiple_of(4) - 14).filter(|next| next.bytes.len() > 14);
    Ok((rest.limit(length).0, next))
}
