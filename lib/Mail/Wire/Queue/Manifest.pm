package Mail::Wire::Queue::Manifest;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Journal ();
use Mail::Wire::Mailbox::Input ();
use Mail::Wire::Mailbox::Message ();
use Mail::Wire::Queue::Maildir ();
use Mail::Wire::Queue::Store ();

our @CARP_NOT = ('Mail::Wire::Import');

# Messages as lines of text, and the other way round on another machine. Between spaces: path, offset, length, hash of the beginning, `q` if
# a > is to be taken off in front of From_ lines, or `-`; sender (`-` in front of it), recipients. A manifest is the envelope of Mail::Wire::Import
# as well.

sub new { return bless { maildir => Mail::Wire::Queue::Maildir->new }, $_[0] }

# Croaks when the message is no stretch of a plain file.
sub line {
    my ($self, $message, $sender, @recipients) = @_;
    my ($path, $offset, $length) = ($message->path, $message->offset, $message->length);
    $self->_is_plain($message->{input}, $path) and not $message->{spool}
        or croak "$path: only messages of plain files can be planned: unpack it";
    my $hash = Mail::Wire::Journal->hash_of($message->beginning(Mail::Wire::Journal::HASHED));
    return join ' ', map { Mail::Wire::Queue::Store::escaped($_) } $path, $offset, $length, $hash, $message->{of}{unquotes} ? 'q' : '-', "-$sender",
        @recipients;
}

# What stands at that path is what is read.
sub _is_plain {
    my ($self, $input, $path) = @_;
    return 1 if $self->{plain} and $self->{plain} == $input;
    return 0 if not $input->file or $input->{from} or not open my $fh, '<', $path;
    return 0 if not -f $fh or Mail::Wire::_file_stamp($fh) ne $input->{stamp};
    $self->{plain} = $input;
    return 1;
}

sub fields {
    my ($line) = @_;
    my %in;
    (@in{qw(path offset length hash quotes sender)}, my @recipients) = map { Mail::Wire::Queue::Store::plain($_) } split / /, $line;
    $in{sender} =~ s/\A-//;
    return { %in, recipients => \@recipients };
}

# The same message, for the recipients of these numbers.
sub part {
    my ($line, @places) = @_;
    my ($path, $offset, $length, $hash, $quotes, $sender, @recipients) = split / /, $line;
    return join ' ', $path, $offset, $length, $hash, $quotes, $sender, @recipients[@places];
}

# The message, which the file still has to have. number: which one of the range it is.
sub message {
    my ($self, $line, $number) = @_;
    my $in = fields($line);
    my $path = $self->{maildir}->now($in->{path});
    my $input = $self->{input};
    $input = $self->{input} = Mail::Wire::Mailbox::Input->of_path($path) if not $input or $input->name ne $path;
    my $message = bless {
        input => $input, folder => undef, offset => $in->{offset}, length => $in->{length}, from_line => '',
        of => { unquotes => $in->{quotes} eq 'q' }, planned => { %$in, number => $number },
    }, 'Mail::Wire::Mailbox::Message';
    $input->check;
    $input->size >= $in->{offset} + $in->{length}
        and Mail::Wire::Journal->hash_of($message->beginning(Mail::Wire::Journal::HASHED)) eq $in->{hash}
        or croak "$in->{path}, offset $in->{offset}: what was planned is not there any more";
    return $message;
}

sub sender     { return $_[1]{planned}{sender} }
sub recipients { return @{ $_[1]{planned}{recipients} } }

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue::Manifest - messages as lines of text

=head1 DESCRIPTION

Internal to Mail-Wire: the messages of L<Mail::Wire::Queue>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
