/* Coverage of what gcc compiled, for libFuzzer, which wants a counter for each block of code. All that gcc can do is to
   call a function in each block: this one finds the counter by where it was called from. Linked into each module.
*/

#include <stdint.h>

#define BLOCKS (1u << 13)

struct block {
    uintptr_t pc, flags;
};

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);
void __sanitizer_cov_pcs_init(const struct block *start, const struct block *stop);

static uint8_t counters[BLOCKS];
static struct block blocks[BLOCKS];
/* Where a block's counter is, plus one; found by the hash of its address. */
static uint16_t slots[8 * BLOCKS];
static uint32_t known;

__attribute__((constructor)) static void announce(void)
{
    __sanitizer_cov_8bit_counters_init(counters, counters + BLOCKS);
    __sanitizer_cov_pcs_init(blocks, blocks + BLOCKS);
}

void __sanitizer_cov_trace_pc(void)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    uint32_t slot = (uint32_t)((pc * UINT64_C(0x9E3779B97F4A7C15)) >> 48);
    uint32_t found;

    while ((found = slots[slot]) != 0 && blocks[found - 1].pc != pc)
        slot = (slot + 1) % (8 * BLOCKS);
    if (found == 0) {
        if (known == BLOCKS)
            return;
        blocks[known].pc = pc;
        found = slots[slot] = (uint16_t)++known;
    }
    counters[found - 1]++;
}

/* gcc tells of comparisons of floating-point numbers, too, which libFuzzer does not know. */
void __sanitizer_cov_trace_cmpf(float left, float right)
{
    (void)left, (void)right;
}

void __sanitizer_cov_trace_cmpd(double left, double right)
{
    (void)left, (void)right;
}
