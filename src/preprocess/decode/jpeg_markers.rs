//! The markers of a JPEG file (ITU-T T.81, B.1), as far as they are needed to know before decoding
//! what decoding costs.

/// The markers from the start of the file to the end of its picture.
#[derive(Debug, Default)]
pub(super) struct Markers {
    /// The frame, if its header can be found.
    pub(super) frame: Option<Frame>,
    /// The position of the first scan.
    pub(super) scan: Option<usize>,
    /// The position behind the marker that ends the picture. Other pictures and films may follow.
    pub(super) end: Option<usize>,
}

/// A start-of-frame marker (ITU-T T.81, B.2.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The marker's second byte: 0xC0 baseline, 0xC2 progressive, …
    pub(super) process: u8,
    pub(super) precision: u8,
    pub(super) size: (u32, u32),
    pub(super) components: u8,
    /// The horizontal and vertical sampling factors of the first components.
    pub(super) sampling: [(u8, u8); 4],
}

impl Frame {
    pub(super) fn is_progressive(self) -> bool {
        matches!(self.process, 0xc2 | 0xc6 | 0xca | 0xce)
    }
}

impl Markers {
    /// Reads the markers. Bytes between segments are skipped, as decoders do.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut markers = Self::default();
        let mut position = 2;
        while let Some(at) = find_marker(bytes, position) {
            let [marker, after @ ..] = &bytes[at..] else { break };
            position = at + 1;
            let (length, body) = match after {
                &[high, low, ref body @ ..] => (u16::from_be_bytes([high, low]), body),
                _ => (0, &[][..]),
            };
            match (marker, body) {
                (0xd9, _) => {
                    markers.end = Some(position);
                    break;
                }
                // Restarts within a scan have no length.
                (0xd0..=0xd7, _) if markers.scan.is_some() => continue,
                (0xda, _) if markers.scan.is_none() => markers.scan = Some(at - 1),
                (0xc4 | 0xc8 | 0xcc, _) => {}
                (0xc0..=0xcf, &[precision, h1, h0, w1, w0, components, ref rest @ ..])
                    if markers.frame.is_none() =>
                {
                    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    let size = (side(w1, w0), side(h1, h0));
                    let mut sampling = [(1, 1); 4];
                    let described = rest.as_chunks::<3>().0.iter().take(components.into());
                    for (factors, [_, byte, _]) in sampling.iter_mut().zip(described) {
                        *factors = (byte >> 4, byte & 15);
                    }
                    let process = *marker;
                    markers.frame = Some(Frame { process, precision, size, components, sampling });
                }
                _ => {}
            }
            position += usize::from(length);
        }
        markers
    }
}

/// How often `marker` occurs in `bytes`, whether or not a segment starts there.
pub(super) fn count(bytes: &[u8], marker: u8) -> usize {
    bytes.windows(2).filter(|pair| *pair == [0xff, marker]).count()
}

/// The position of the next marker's second byte.
fn find_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff);
    Some(from + 1 + rest.windows(2).position(marker)?)
}
