using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>A guest that was served wrongly is noticed: by its checksums, by its memory, or because it does not come to its end.</summary>
public sealed class VerdictTests
{
    [SkippableTheory]
    [InlineData(nameof(ProgramKind.Walk), SourceContent.Zero)]
    [InlineData(nameof(ProgramKind.Walk), SourceContent.Bytes)]
    [InlineData(nameof(ProgramKind.Scatter), SourceContent.Bytes)]
    public async Task A_page_of_zeros_or_with_the_content_of_another_is_noticed(string kind, SourceContent instead)
    {
        ThisKvm.Require();
        GuestPlan plan = Guests.Plan(Enum.Parse<ProgramKind>(kind), vcpus: 2);
        (GuestResult present, GuestResult served) = await Guests.BothAsync(
            plan, o => o with { AroundSource = whole => new WrongSource(whole, plan.BootPages + FilledPage(o.Image), instead) });
        IReadOnlyList<string> differences = GuestVerdict.Differences(present, served);
        Assert.Contains(differences, d => d.StartsWith("vCPU 0 has the checksum 0x", StringComparison.Ordinal));
        Assert.Contains(differences, d => d.StartsWith("Its memory has the SHA-256", StringComparison.Ordinal));
        Assert.DoesNotContain(differences, d => d.StartsWith("vCPU 1", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_page_table_of_zeros_is_a_triple_fault_that_the_verdict_names()
    {
        ThisKvm.Require();
        GuestPlan plan = Guests.Plan(ProgramKind.Walk);
        (GuestResult present, GuestResult served) = await Guests.BothAsync(
            plan, o => o with { AroundSource = whole => new WrongSource(whole, (long)GuestPlan.Tables >> 12, SourceContent.Zero) });
        string difference = Assert.Single(GuestVerdict.Differences(present, served));
        Assert.StartsWith("vCPU 0 has triple-faulted (KVM_EXIT_SHUTDOWN)", difference, StringComparison.Ordinal);
    }

    // In the share of the first vCPU.
    private static long FilledPage(GuestImage image) => Enumerable.Range(0, 100).First(page => !image.IsZero(page));

    /// <summary>Answers one page wrongly: with zeros, or with the bytes of the page behind it.</summary>
    private sealed class WrongSource(IPageSource whole, long wrong, SourceContent instead) : IPageSource
    {
        public long Pages => whole.Pages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            for (long page = order.FirstPage; page < order.FirstPage + order.Pages; page++)
            {
                if (page == wrong && instead == SourceContent.Zero)
                {
                    receiver.Received(order.Id, page, 1, SourceContent.Zero, 0);
                    continue;
                }

                long asked = page == wrong ? page + 1 : page;
                PageOrder one = order with
                {
                    FirstPage = asked,
                    Pages = 1,
                    Buffer = order.Buffer + (nint)((page - order.FirstPage) << 12),
                };
                whole.Request(in one, page == wrong ? new Renumbering(receiver, page) : receiver);
            }
        }

        public void Dispose() => whole.Dispose();
    }

    private sealed class Renumbering(IPageReceiver receiver, long page) : IPageReceiver
    {
        public void Received(long id, long firstPage, int pages, SourceContent content, nint address) =>
            receiver.Received(id, page, pages, content, address);

        public void Failed(long id, Exception reason) => receiver.Failed(id, reason);
    }
}
