package Mail::Wire::URL;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

# The schemes, each with the port of URLs that have none.
my %default_port = (lmtp => undef, lmtps => undef, qmtp => 209, qmtps => 6209);

# Takes a URL (RFC 3986) apart: a reference to a hash of scheme, host and port; or undef and what is wrong, without a password that may be in it.
# The host of a UNIX-domain socket is its path, the port undef.
sub parsed {
    my ($url) = @_;
    return (undef, 'characters that must be %-escapes, as white space or control characters') if $url =~ /[^\x21-\x7e]/;
    my ($scheme, $rest) = $url =~ m{\A([A-Za-z][A-Za-z0-9+.-]*):(.*)\z} or return (undef, 'no scheme, such as lmtp://, in front');
    $scheme = lc $scheme;
    return (undef, "$scheme: no such scheme, only lmtp, lmtps, qmtp and qmtps are known") if not exists $default_port{$scheme};
    my ($authority, $path, $more) = $rest =~ m{\A//([^/?#]*)([^?#]*)(.*)\z} or return (undef, "no // behind $scheme:");
    return (undef, 'a user: it is given by the options User and Password, and only to LMTP') if $authority =~ /\@/;
    return (undef, 'a query or a fragment, which means nothing here') if length $more;
    return length $authority ? _tcp($scheme, $authority, $path) : _unix($scheme, $path);
}

sub _tcp {
    my ($scheme, $authority, $path) = @_;
    my ($host, $port) = $authority =~ /\A(\[[^\[\]]*\]|[^:\[\]]*)(?::([^:]*))?\z/
        or return (undef, 'a host that is neither a name nor an address; IPv6 addresses go in brackets');
    return (undef, "a path behind the host; a socket's path takes three slashes, as in $scheme:///run/socket") if $path !~ m{\A/?\z};
    return (undef, 'no host in front of the port') if not length $host;
    return (undef, "a bad host, '$host'")
        if $host !~ /\A(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%25[A-Za-z0-9._-]+)?\])\z/;
    $port = $default_port{$scheme} if not defined $port or not length $port;
    return (undef, "no port: $scheme has none of its own") if not defined $port;
    return (undef, "a bad port, '$port'") if $port !~ /\A[0-9]{1,5}\z/ or $port < 1 or $port > 65535;
    $host =~ s/%25/%/;    # RFC 6874: an interface behind an IPv6 address
    return { scheme => $scheme, host => $host, port => $port + 0 };
}

sub _unix {
    my ($scheme, $path) = @_;
    return (undef, 'neither a host nor the path of a socket') if $path !~ m{\A/.};
    return (undef, 'a % that begins no escape') if $path =~ /%(?![0-9A-Fa-f]{2})/;
    $path =~ s/%([0-9A-Fa-f]{2})/chr hex $1/eg;
    return (undef, 'a NUL in the path') if $path =~ /\0/;
    return { scheme => $scheme, host => $path, port => undef };
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::URL - takes URLs of mail servers apart

=head1 DESCRIPTION

Internal to Mail-Wire: what C<< Mail::Wire->connect >> is given is taken apart here. It may change in
any release.

=head1 SEE ALSO

L<Mail::Wire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
