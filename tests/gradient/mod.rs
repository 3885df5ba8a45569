mod case;
mod documentation;
mod edge_values;
mod networks;
mod one_node;
mod operators;
mod refusals;
mod shared_weights;
