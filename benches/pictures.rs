//! What pictures cost: decoding, preprocessing, drawing.
