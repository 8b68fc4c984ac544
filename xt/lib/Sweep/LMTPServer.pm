package Sweep::LMTPServer;

# The honest half of an LMTP server, over a Sweep::Wire: see LMTPPeer. Its replies are short, as there is a run for each of their bytes.

use strict;
use warnings;

use LMTPPeer;

our @ISA = 'LMTPPeer';

# The session's truth.
sub serve {
    my ($wire, $setup) = @_;
    my $self = __PACKAGE__->new(wire => $wire, name => 's', keywords => [ @{ $setup->{keywords} }, '8BITMIME' ]);
    eval { $self->session; 1 } or $@ eq "gone\n" or $self->problem("server: $@");
    return $self->{truth};
}

sub raw_line { return $_[0]{wire}->raw_line }
sub bytes    { return $_[0]{wire}->bytes($_[1]) }
sub data     { return $_[0]{wire}->data }

sub greeting { return $_[0]->say(greeting => '220 s LMTP') }

sub say {
    my ($self, $point, $text) = @_;
    my $code = substr $text, 0, 3;
    $self->{wire}->say($point, $code, "$text\r\n");
    return $code;
}

1;
