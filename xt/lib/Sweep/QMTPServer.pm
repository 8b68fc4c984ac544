package Sweep::QMTPServer;

# The honest half of a QMTP server (cr.yp.to/proto/qmtp.txt), over a Sweep::Wire.
#
# Of recipients, full... gets a Z, no... and bad... a D. A message is called by the local part of its sender. The points of its
# answers: "final m1 0".

use strict;
use warnings;

my %letter = (full => 'Z', bad => 'D', no => 'D');
my %code   = (K => 250, Z => 450, D => 550);

sub serve {
    my ($wire, $setup) = @_;
    my $self = { wire => $wire, messages => {}, problems => [] };
    eval { while (1) { take_package($self) } } or $@ eq "gone\n" or push @{ $self->{problems} }, "server: $@";
    return { map { $_ => $self->{$_} } qw(messages problems) };
}

sub take_package {
    my ($self) = @_;
    my ($content, $sender, $list) = map { netstring($self->{wire}) } 1 .. 3;
    my ($name) = $sender =~ /\A([^@]*)/;
    my @rcpts = addresses($list);
    push @{ $self->{problems} }, "$name a second time" if $self->{messages}{$name};
    $self->{messages}{$name} = {
        name => $name, body => $content, ended => 1,
    };
    for my $i (0 .. $#rcpts) {
        my $letter = $letter{ $rcpts[$i] } || 'K';
        my $answer = "$letter$name r$i";
        $self->{wire}->say("final $name $i", $code{$letter}, length($answer) . ":$answer,");
    }
    return;
}

sub netstring {
    my ($wire) = @_;
    my $size = '';
    while ((my $byte = $wire->bytes(1)) ne ':') {
        die "a length with $byte\n" if $byte !~ /[0-9]/;
        $size .= $byte;
    }
    my $text = $wire->bytes($size);
    die "no comma\n" if $wire->bytes(1) ne ',';
    return $text;
}

# Their local parts.
sub addresses {
    my ($list) = @_;
    my @found;
    while ($list =~ s/\A([0-9]+)://) {
        my $address = substr $list, 0, $1, '';
        die "no comma in the list\n" if $list !~ s/\A,//;
        push @found, $address =~ /\A([^@]*)/;
    }
    die "the list goes on: $list\n" if length $list;
    return @found;
}

1;
