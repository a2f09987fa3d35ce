// What transformers writes into every config.json beside the architecture.
#pragma once

namespace medisyn {

/// Notes of how the file was made and options of text generation, which mean nothing here; and the two keys
/// that would turn an encoder into a decoder.
template <class Visit>
void transformers_fields(Visit& visit) {
  for (const char* key :
       {"_attn_implementation_autoset", "_name_or_path", "architectures", "chunk_size_feed_forward", "dtype",
        "id2label", "label2id", "model_type", "output_attentions", "output_hidden_states", "problem_type",
        "return_dict", "tie_word_embeddings", "tokenizer_class", "torch_dtype", "torchscript",
        "transformers_version", "use_bfloat16", "use_cache"}) {
    visit.ignored(key);
  }
  visit.fixed("is_decoder", false);
  visit.fixed("add_cross_attention", false);
}

}  // namespace medisyn
