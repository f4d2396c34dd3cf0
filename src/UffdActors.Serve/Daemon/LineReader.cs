using System.Net.Sockets;

namespace UffdActors.Serve.Daemon;

/// <summary>Reads lines from a connection, none longer than a limit. For one caller at a time.</summary>
/// <param name="socket">The connection.</param>
/// <param name="mostBytes">The most bytes of a line.</param>
internal sealed class LineReader(Socket socket, int mostBytes)
{
    private byte[] _bytes = new byte[256];
    private int _start;
    private int _end;

    /// <summary>The next line, without its end.</summary>
    /// <returns>Null when the other side has closed its end, or the connection is over.</returns>
    /// <exception cref="ServeException">The line is longer than the limit.</exception>
    public async Task<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancel)
    {
        for (int looked = _start; ;)
        {
            int at = _bytes.AsSpan(looked, _end - looked).IndexOf((byte)'\n');
            if (at >= 0)
            {
                ReadOnlyMemory<byte> line = _bytes.AsMemory(_start, looked + at - _start);
                _start = looked + at + 1;
                return line;
            }

            if (_end - _start > mostBytes) throw new ServeException($"A line has more than {mostBytes} bytes.");
            if (_start > 0 || _end == _bytes.Length) MakeRoom();
            looked = _end;
            try
            {
                int read = await socket.ReceiveAsync(_bytes.AsMemory(_end), SocketFlags.None, cancel);
                if (read == 0) return null;
                _end += read;
            }
            catch (SocketException)
            {
                return null;
            }
        }
    }

    private void MakeRoom()
    {
        byte[] room = _end - _start > _bytes.Length / 2 ? new byte[_bytes.Length * 2] : _bytes;
        _bytes.AsSpan(_start, _end - _start).CopyTo(room);
        (_bytes, _end, _start) = (room, _end - _start, 0);
    }
}
