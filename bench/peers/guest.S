/*
 * A guest for QEMU: each of 32,768 pages behind 16 MiB is touched in random order, for ever; one vCPU, no interrupts, no devices.
 * Multiboot 1, 32 bits, without paging. Build: gcc -m32 -nostdlib -static -Wl,-Ttext=0x100000 -Wl,--build-id=none -o guest guest.S
 */
        .set MAGIC, 0x1badb002
        .set FLAGS, 0x00000003
        .set FIRST, 0x01000000          /* first address */
        .set PAGES, 32768               /* a power of two */

        .section .text
        .align 4
        .long MAGIC, FLAGS, -(MAGIC + FLAGS)

        .globl _start
_start: cli
        mov     $PAGES, %ecx            /* content first: every page its own word, so that none is a zero page */
        mov     $FIRST, %edi
fill:   mov     %edi, (%edi)
        mov     %edi, 2048(%edi)
        add     $4096, %edi
        loop    fill

        mov     $1, %eax                /* x = x * 1664525 + 1013904223: a generator of random numbers with the period 2^32 */
touch:  imul    $1664525, %eax, %eax
        add     $1013904223, %eax
        mov     %eax, %ebx
        shr     $7, %ebx                /* the higher bits are the more random ones */
        and     $(PAGES - 1), %ebx
        shl     $12, %ebx
        add     $FIRST, %ebx
        incl    64(%ebx)
        jmp     touch
