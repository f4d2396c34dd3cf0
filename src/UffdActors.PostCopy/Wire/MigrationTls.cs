using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using UffdActors.Model.Inputs;

namespace UffdActors.PostCopy;

/// <summary>
/// TLS on every lane: this side's certificate, and the authority that the other side's must come from. Both sides are checked; a source
/// also compares the destination's host with its certificate.
/// </summary>
public sealed class MigrationTls : IDisposable
{
    private const long MaxBytes = 1L << 20;
    private readonly X509Certificate2 _own;
    private readonly X509Certificate2Collection _authorities;

    private MigrationTls(X509Certificate2 own, X509Certificate2Collection authorities)
    {
        _own = own;
        _authorities = authorities;
    }

    /// <summary>Reads certificate, key and authority.</summary>
    /// <param name="certificate">This side's certificate, PEM.</param>
    /// <param name="key">Its private key, PEM, not encrypted.</param>
    /// <param name="authority">Certificates that the other side's must be signed by, PEM.</param>
    /// <exception cref="MigrationException">A file cannot be read, or is none of these.</exception>
    public static MigrationTls Read(string certificate, string key, string authority)
    {
        X509Certificate2Collection authorities = [];
        try
        {
            authorities.ImportFromPem(InputFile.ReadText(authority, MaxBytes));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new MigrationException($"Authority \"{authority}\" cannot be used ({e.Message}); it must be a certificate in PEM.", e);
        }

        if (authorities.Count == 0) throw new MigrationException($"Authority \"{authority}\" has no certificate in it.");
        try
        {
            return new MigrationTls(
                X509Certificate2.CreateFromPem(InputFile.ReadText(certificate, MaxBytes), InputFile.ReadText(key, MaxBytes)), authorities);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new MigrationException($"Certificate \"{certificate}\" with key \"{key}\" cannot be used ({e.Message}).", e);
        }
    }

    /// <summary>Encrypts a connection that this side has opened.</summary>
    internal Stream Client(Stream plain, string host)
    {
        SslStream stream = new(plain);
        try
        {
            stream.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                TargetHost = host,
                ClientCertificates = [_own],
                EnabledSslProtocols = SslProtocols.Tls13 | SslProtocols.Tls12,
                CertificateChainPolicy = Policy(),
            });
            return stream;
        }
        catch (AuthenticationException e)
        {
            throw new MigrationException($"TLS: the destination's certificate is not accepted here, or ours not there ({e.Message}).", e);
        }
    }

    /// <summary>Encrypts a connection that the other side has opened.</summary>
    internal Stream Server(Stream plain)
    {
        SslStream stream = new(plain);
        stream.AuthenticateAsServer(new SslServerAuthenticationOptions
        {
            ServerCertificate = _own,
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls13 | SslProtocols.Tls12,
            CertificateChainPolicy = Policy(),
        });
        return stream;
    }

    /// <inheritdoc />
    public void Dispose() => _own.Dispose();

    private X509ChainPolicy Policy()
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(_authorities);
        return policy;
    }
}
