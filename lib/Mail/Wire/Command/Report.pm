package Mail::Wire::Command::Report;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Result ();

# What became of messages, told on standard output, and the exit code that it comes to.

use constant OPTIONS => qw(json quiet|q);

# From best to worst: how much is left for a person to do.
my @order = (OK, TRY_AGAIN, UNAVAILABLE, NO_HOST, PROTOCOL, NO_USER, CANT_CREATE, NO_PERMISSION, REFUSED, NO_INPUT, IO_ERROR, USAGE, SOFTWARE);
my %rank  = map { $order[$_] => $_ } 0 .. $#order;

my %colour = (success => 32, deferral => 33, failure => 31);

# option: those of OPTIONS.
sub new {
    my ($class, $option) = @_;
    my $self = bless { json => $option->{json} ? _json() : undef, quiet => $option->{quiet}, code => OK, messages => 0, count => {} }, $class;
    $self->{colour} = -t STDOUT && !exists $ENV{NO_COLOR} && (!defined $ENV{TERM} || $ENV{TERM} ne 'dumb');
    return $self;
}

# In ASCII, so that octets which are no UTF-8 do no harm.
sub _json {
    eval { require JSON::PP; 1 } or fail(USAGE, '--json needs the module JSON::PP (Debian: perl)');
    return JSON::PP->new->ascii->canonical->convert_blessed;
}

# The worse of exit codes.
sub worst {
    my ($worst) = sort { $rank{$b} <=> $rank{$a} } @_;
    return $worst;
}

# The exit code that a Mail::Wire::Result is. Behind a signal it is not for want of a server that nothing was sent.
# A server that has no enhanced status codes refuses at RCPT those whom it does not know.
sub code_of {
    my ($result) = @_;
    return OK        if $result->is_success;
    return $result->stage eq 'connect' && !defined stopped() ? UNAVAILABLE : TRY_AGAIN if not $result->is_failure;
    my $enhanced = $result->enhanced;
    return $result->stage eq 'rcpt' && $result->code =~ /\A55[013]\z/ ? NO_USER : REFUSED if not defined $enhanced;
    return NO_USER       if $enhanced =~ /\A5\.1\.(?:[0136]|10)\z/;
    return NO_HOST       if $enhanced eq '5.1.2';
    return CANT_CREATE   if $enhanced eq '5.2.2';
    return NO_PERMISSION if $enhanced =~ /\A5\.7\./;
    return REFUSED;
}

# What became of a message; name: undef when there is only one, or code that makes it.
sub results {
    my ($self, $name, @results) = @_;
    $self->{messages}++;
    foreach my $result (@results) {
        $self->{count}{ $result->status }++;
        my $is_success = $result->is_success;
        next if $is_success and $self->{quiet};
        $self->{code} = worst($self->{code}, code_of($result)) if not $is_success;
        say_out($self->_line(ref $name ? $name->() : $name, $result));
    }
    return;
}

# A message that was not sent at all, and why.
sub unsent {
    my ($self, $name, $code, $why) = @_;
    $self->{unsent}++;
    $self->{code} = worst($self->{code}, $code);
    $why =~ s/\A\Q$name\E: //;
    if ($self->{json}) { $self->object({ file => $name, error => $why }) }
    else               { print STDERR Mail::Wire::Result::_on_one_line($name), ": not sent: $why\n" }
    return;
}

sub object {
    my ($self, $object) = @_;
    say_out($self->{json}->encode(_characters($object)), "\n");
    return;
}

sub is_json { return $_[0]{json} ? 1 : 0 }

sub code { return $_[0]{code} }

# All of it in a line, behind more than one message.
sub summary {
    my ($self) = @_;
    return if $self->{json} or $self->{quiet} or $self->{messages} + ($self->{unsent} || 0) < 2;
    my $unsent = $self->{unsent} ? ", $self->{unsent} not sent" : '';
    say_out("$self->{messages} messages$unsent: ", join(', ', map { "$_ " . ($self->{count}{$_} || 0) } qw(success deferral failure)), "\n");
    return;
}

sub painted {
    my ($self, $status, $text) = @_;
    return $self->{colour} && $colour{$status} ? "\e[$colour{$status}m$text\e[0m" : $text;
}

sub _line {
    my ($self, $name, $result) = @_;
    return $self->{json}->encode(_characters({ %{ $result->TO_JSON }, file => $name })) . "\n" if $self->{json};
    my ($line, $status) = ($result->as_string, $result->status);
    $line =~ s/(?<=: )\Q$status\E(?= \()/$self->painted($status, $status)/e;
    return (defined $name ? Mail::Wire::Result::_on_one_line($name) . ': ' : '') . "$line\n";
}

# Of octets that are UTF-8 the characters.
sub _characters {
    my ($value) = @_;
    return { map { $_ => _characters($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    return [ map { _characters($_) } @$value ] if ref $value eq 'ARRAY';
    return $value if not defined $value or ref $value or Mail::Wire::_is_number($value);    # as text a number would be in quotes
    utf8::decode($value);
    return $value;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Report - what the command mailwire says of each recipient

=head1 DESCRIPTION

Internal to Mail-Wire: lines, JSON and exit codes of L<mailwire>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
