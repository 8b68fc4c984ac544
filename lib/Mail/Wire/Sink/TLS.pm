package Mail::Wire::Sink::TLS;

# TLS for a sink: a certificate made on the spot, and handshakes that never
# wait.

use strict;
use warnings;
use re 'taint';

use Carp       ();
use File::Temp ();

use Mail::Wire::TLS ();

our $VERSION = '1.000';
our @CARP_NOT = qw(Mail::Wire::Sink);    # errors are its caller's

# How long the certificate is good, in seconds.
use constant LIFE => 86_400;

sub new {
    my ($class) = @_;
    Mail::Wire::TLS::is_there() or Carp::croak("Mail::Wire::Sink: $@");
    require IO::Socket::SSL::Utils;
    my $folder = File::Temp->newdir('mail-wire-XXXXXXXX', TMPDIR => 1);
    my $self   = bless { folder => $folder, ca_file => "$folder/ca.pem" }, $class;
    my @issuer = _certificate(CA => 1, subject => { CN => 'Mail::Wire::Sink' });
    my ($certificate, $key) = _certificate(
        issuer          => \@issuer, subject => { CN => 'localhost' },
        subjectAltNames => [ [ DNS => 'localhost' ], [ IP => '127.0.0.1' ], [ IP => '::1' ] ],
    );
    IO::Socket::SSL::Utils::PEM_cert2file($issuer[0], $self->{ca_file});
    IO::Socket::SSL::Utils::PEM_cert2file($certificate, "$folder/cert.pem");
    IO::Socket::SSL::Utils::PEM_key2file($key, "$folder/key.pem");
    IO::Socket::SSL::Utils::CERT_free($_) for $issuer[0], $certificate;
    IO::Socket::SSL::Utils::KEY_free($_) for $issuer[1], $key;
    $self->{context} = IO::Socket::SSL::SSL_Context->new(
        SSL_server => 1, SSL_cert_file => "$folder/cert.pem", SSL_key_file => "$folder/key.pem")
        or Carp::croak('Mail::Wire::Sink: no TLS: ' . IO::Socket::SSL::errstr());
    return $self;
}

# Its key is on a curve, as one of RSA takes seconds to be made.
sub _certificate {
    return IO::Socket::SSL::Utils::CERT_create(@_, not_after => time + LIFE, key => IO::Socket::SSL::Utils::KEY_create_ec());
}

sub ca_file { return $_[0]{ca_file} }

# From here on the socket is the context's.
sub begin {
    my ($self, $socket) = @_;
    return IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_startHandshake => 0, SSL_reuse_ctx => $self->{context});
}

# What the handshake waits for, 'read' or 'write'; '' when it is over, undef
# when it has failed.
sub shake {
    my ($self, $socket) = @_;
    no warnings 'once';
    return '' if $socket->accept_SSL;
    return $IO::Socket::SSL::SSL_ERROR == IO::Socket::SSL::SSL_WANT_READ()  ? 'read'
        :  $IO::Socket::SSL::SSL_ERROR == IO::Socket::SSL::SSL_WANT_WRITE() ? 'write'
        :                                                                     undef;
}

# The socket is as it was before; the client is told, or not.  A handshake that
# has failed has done this already.
sub finish {
    my ($self, $socket, $is_told) = @_;
    $socket->stop_SSL(SSL_fast_shutdown => 1, SSL_no_shutdown => !$is_told) if $socket->isa('IO::Socket::SSL');
    return;
}

1;
