/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * batch.c: the tree of a batch, level by level. A node without a sibling goes up to the next level
 * as it is, which makes the tree of RFC 9162.
 */
#include "event/batch.h"
#include "base/alloc.h"
#include "base/err.h"
#include "event/field.h"

/* Of all levels: that of n nodes, that of (n + 1) / 2, ... */
static size_t node_count(uint32_t n)
{
    size_t count = 1;
    for (; n > 1; n -= n / 2)
        count += n;
    return count;
}

static int add_level(const struct ate_hash *level, uint32_t width, struct ate_hash *ret_above)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < width / 2; i++)
        rc = ate__node_hash(&level[2 * i], &level[2 * i + 1], &ret_above[i]);
    if (width % 2)
        ret_above[width / 2] = level[width - 1];
    return rc;
}

int ate__batch_tree(const struct ate_hash *tx_hashes, uint32_t n, struct ate__batch_tree *ret_tree)
{
    if (n > ATE__BATCH_MAX)
        return ate__field_over("transactions of a batch", n, ATE__BATCH_MAX);
    ate__cleanup(ate__freep) struct ate_hash *node = ate__alloc_array(node_count(n), sizeof *node);
    if (!node)
        return ate__no_memory();
    int rc = 0;
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = ate__leaf_hash(ate__bytes(&tx_hashes[i], sizeof *tx_hashes), &node[i]);
    struct ate_hash *level = node;
    for (uint32_t width = n; !rc && width > 1; level += width, width -= width / 2)
        rc = add_level(level, width, level + width);
    if (rc)
        return rc;
    *ret_tree = (struct ate__batch_tree){n, ate__steal(&node)};
    return 0;
}

void ate__batch_tree_deinit(struct ate__batch_tree *t)
{
    ate__free(t->node);
}

uint32_t ate__batch_path(const struct ate__batch_tree *t, uint32_t index,
                         struct ate_hash ret_path[ATE__BATCH_PATH_MAX])
{
    const struct ate_hash *level = t->node;
    uint32_t count = 0;
    for (uint32_t width = t->size; width > 1; level += width, width -= width / 2, index /= 2)
        if ((index ^ 1) < width)
            ret_path[count++] = level[index ^ 1];
    return count;
}
