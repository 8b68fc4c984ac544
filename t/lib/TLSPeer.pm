package TLSPeer;

# TLS at the server's end, by hand: what a record has, and which of its octets leave when, is the script's to say. In a script of
# ScriptedServer's that is code:
#
#   my $tls = TLSPeer->new($peer, $options);     # IO::Socket::SSL's, of a server
#   $tls->shake(@texts);                         # the handshake; these texts, a record each, leave in one piece with the last of it
#   my $line = $tls->line;                       # without its end
#   my $text = $tls->data;                       # up to the line of one dot
#   my $octets = $tls->sealed(@texts);           # records of these texts, to be sent by $peer->send
#   $tls->say(@texts);                           # sends them

use strict;
use warnings;

use IO::Socket::SSL ();
use PeerReader;

our @ISA = 'PeerReader';

sub new {
    my ($class, $peer, $option) = @_;
    my $context = IO::Socket::SSL::SSL_Context->new({ SSL_server => 1, %$option }) or die "TLS: $IO::Socket::SSL::SSL_ERROR\n";
    my $ssl = Net::SSLeay::new($context->{context});
    my ($from, $to) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } 1, 2;
    Net::SSLeay::set_bio($ssl, $from, $to);
    Net::SSLeay::set_accept_state($ssl);
    return bless { peer => $peer, context => $context, ssl => $ssl, from => $from, to => $to, in => '' }, $class;
}

sub _made {
    my ($self) = @_;
    my $octets = '';
    while (length(my $piece = Net::SSLeay::BIO_read($self->{to}, 65536) || '')) { $octets .= $piece }
    return $octets;
}

sub _take {
    my ($self) = @_;
    my $peer = $self->{peer};
    $peer->more if not length $peer->{in};
    Net::SSLeay::BIO_write($self->{from}, substr $peer->{in}, 0, length $peer->{in}, '');
    return;
}

sub shake {
    my ($self, @texts) = @_;
    my $is = 0;
    while (($is = Net::SSLeay::do_handshake($self->{ssl})) <= 0) {
        my $octets = $self->_made;
        die "gone\n" if Net::SSLeay::get_error($self->{ssl}, $is) != Net::SSLeay::ERROR_WANT_READ();
        $self->{peer}->send($octets) if length $octets;
        $self->_take;
    }
    return $self->say(@texts);
}

sub more {
    my ($self) = @_;
    while (1) {
        my $plain = Net::SSLeay::read($self->{ssl}, 65536);
        return $self->{in} .= $plain if defined $plain and length $plain;
        $self->_take;
    }
}

sub line {
    my ($self) = @_;
    (my $line = $self->raw_line) =~ s/\r?\n\z//;
    return $line;
}

sub sealed {
    my ($self, @texts) = @_;
    Net::SSLeay::write($self->{ssl}, $_) for @texts;
    return $self->_made;
}

sub say {
    my ($self, @texts) = @_;
    return $self->{peer}->send($self->sealed(@texts));
}

1;
