using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>An authority, and certificates of it, as files.</summary>
internal sealed class Certificates : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-tls-");
    private readonly X509Certificate2 _authority;

    public Certificates()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = request.CreateSelfSigned(From, To);
        File.WriteAllText(Authority, _authority.ExportCertificatePem());
    }

    /// <summary>File of the authority's certificate.</summary>
    public string Authority => Path.Combine(_folder.FullName, "ca.pem");

    private static DateTimeOffset From { get; } = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static DateTimeOffset To { get; } = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A side with a certificate of this authority that trusts another's, or this one's.</summary>
    public MigrationTls Side(string? authority = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.Create(_authority, From.AddDays(1), To.AddDays(-1), [1, 2, 3]);
        string name = Path.Combine(_folder.FullName, "side");
        File.WriteAllText(name + ".pem", certificate.ExportCertificatePem());
        File.WriteAllText(name + ".key", key.ExportPkcs8PrivateKeyPem());
        return MigrationTls.Read(name + ".pem", name + ".key", authority ?? Authority);
    }

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Delete(recursive: true);
    }
}
