using System.Buffers.Binary;
using System.Text;
using UffdActors.Serve.Dialects;

namespace UffdActors.Serve.Tests;

/// <summary>The first message, apart from sockets.</summary>
public sealed class FirstMessageTests
{
    private const string Region = "\"base_host_virt_addr\":4096,\"size\":8192,\"offset\":0";

    [Theory]
    [InlineData(Region, 4096)]
    [InlineData("\"base_host_virt_addr\":2097152,\"size\":2097152,\"offset\":0,\"page_size_kib\":2097152", 2 << 20)]
    [InlineData("\"base_host_virt_addr\":4096,\"size\":8192,\"offset\":0,\"page_size\":4096,\"page_size_kib\":2097152", 4096)]
    [InlineData(Region + ",\"page_size\":null,\"a\":[{\"]\":\"\\\"\"}]", 4096)]
    public void The_size_of_a_page_is_page_size_else_page_size_kib_which_holds_bytes_else_4096(string region, int pageBytes) =>
        Assert.Equal(pageBytes, Read($"[{{{region}}}]").Regions[0].PageBytes);

    [Fact]
    public void Any_cut_of_a_message_gives_the_same_and_its_last_byte_ends_it()
    {
        foreach (byte[] message in new[]
        {
            Encoding.UTF8.GetBytes($"[\n  {{{Region}}},{{\"base_host_virt_addr\":16384,\"size\":4096,\"offset\":8192}} ]"), HandOff(),
        })
        {
            FirstMessage whole = new();
            message.CopyTo(whole.Room);
            HandOverMessage expected = whole.Add(message.Length, 1)!;
            for (int cut = 1; cut < message.Length; cut++)
            {
                FirstMessage first = new();
                message.AsSpan(0, cut).CopyTo(first.Room);
                Assert.Null(first.Add(cut, 1));
                message.AsSpan(cut).CopyTo(first.Room);
                HandOverMessage message2 = first.Add(message.Length - cut, 1)!;
                Assert.Equal(expected.Regions, message2.Regions);
                Assert.Equal(expected with { Regions = [] }, message2 with { Regions = [] });
            }
        }
    }

    [Fact]
    public void A_length_whose_first_byte_is_a_bracket_is_no_array()
    {
        byte[] message = Enumerable.Range(0, 256).Select(blanks => HandOff(blanks)).First(m => m[0] == '[');
        FirstMessage first = new();
        message.CopyTo(first.Room);
        Assert.Equal("cloud-hypervisor", first.Add(message.Length, 1)!.Dialect);
    }

    [Theory]
    [InlineData("[ ]", "has no region")]
    [InlineData("[1]", "Region 0 of the layout is no object")]
    [InlineData("[{}]", "Region 0 of the layout has no base_host_virt_addr")]
    [InlineData("[{\"base_host_virt_addr\":\"1\"}]", "has a base_host_virt_addr that is no unsigned number of 64 bits")]
    [InlineData("[{\"base_host_virt_addr\":-1}]", "has a base_host_virt_addr that is no unsigned number of 64 bits")]
    [InlineData("[{" + Region + "},{" + Region + "}]", "Regions 0 and 1 of the layout overlap at 0x1000")]
    [InlineData("[{\"base_host_virt_addr\":4097,\"size\":8192,\"offset\":0}]", "begins at 0x1001, which is not aligned")]
    [InlineData("[{\"base_host_virt_addr\":4096,\"size\":8193,\"offset\":0}]", "has 8193 bytes, which are no whole pages of 4096")]
    [InlineData("[{\"base_host_virt_addr\":4096,\"size\":0,\"offset\":0}]", "has no bytes")]
    [InlineData("[{\"base_host_virt_addr\":4096,\"size\":4096,\"offset\":1}]", "begins at byte 1 of the memory file")]
    [InlineData("[{\"base_host_virt_addr\":4096,\"size\":4096,\"offset\":9223372036854775808}]", "of the memory file, which is no page")]
    [InlineData("[{\"base_host_virt_addr\":4096,\"size\":18446744073709547520,\"offset\":0}]", "beyond the addresses")]
    [InlineData("[{" + Region + ",\"page_size\":1073741824}]", "has pages of 1073741824 bytes (1 GiB), which are not served")]
    [InlineData("[{" + Region + ",\"page_size\":65536}]", "has pages of 65536 bytes; 4096 and 2097152 are served")]
    [InlineData("[{" + Region + ",\"page_size_kib\":4}]", "has pages of 4 bytes")]
    [InlineData("[{" + Region + "}}", "is no JSON that a VMM writes")]
    [InlineData("[{" + Region + "}] [{" + Region + "}]", "Two arrays")]
    [InlineData("[{" + Region + ",\"is_guest_memfd\":false}]", "secret hiding")]
    [InlineData("{\"" + Region, "in no dialect that is known here")]
    public void What_cannot_be_a_layout_is_refused_in_a_sentence(string text, string sentence)
    {
        HandOverException refused = Assert.Throws<HandOverException>(() => Read(text));
        Assert.Contains(sentence, refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("handoff", 0, "MISSING|WP_ASYNC", null)]
    [InlineData("add_region", 0, "MISSING", "is of type \"add_region\"")]
    [InlineData("\\ud800", 0, "MISSING", "no Unicode")]
    [InlineData("handoff", 1, "MISSING", "of another version than 0")]
    [InlineData("handoff", 0, "WP", "with which no page is missing")]
    [InlineData("handoff", 0, "MISSING|MINOR", "has the mode \"MINOR\", which is not known here")]
    public void A_hand_off_of_Cloud_Hypervisor_is_known_by_type_version_and_mode(string type, int version, string mode, string? sentence)
    {
        byte[] message = HandOff(0, type, version, mode);
        FirstMessage first = new();
        message.CopyTo(first.Room);
        if (sentence is null)
        {
            Assert.Equal(RegisterModes.Missing | RegisterModes.WriteProtect, first.Add(message.Length, 1)!.Modes);
            return;
        }

        Assert.Contains(
            sentence, Assert.Throws<HandOverException>(() => first.Add(message.Length, 1)).Message, StringComparison.Ordinal);
    }

    internal static byte[] HandOff(int blanks = 0, string type = "handoff", int version = 0, string mode = "MISSING")
    {
        string json = $"{{\"type\":\"{type}\",\"version\":{version},\"vmm_pid\":1,\"mode\":\"{mode}\",\"regions\":[{{\"guest_phys_addr\":0,"
            + $"\"host_virt_addr\":4096,\"size\":8192,\"backing_file_offset\":0}}]{new string(' ', blanks)}}}";
        byte[] message = new byte[4 + json.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, json.Length);
        Encoding.UTF8.GetBytes(json, message.AsSpan(4));
        return message;
    }

    private static HandOverMessage Read(string text)
    {
        FirstMessage first = new();
        int bytes = Encoding.UTF8.GetBytes(text, first.Room);
        return first.Add(bytes, 1)!;
    }
}
